//! A body to look at: the same characters in the same order, with line breaks and spaces between them.

/// Objects get a line for each member; lists without objects stay on one.
pub fn pretty(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut flat, mut quoted, mut escaped) = (0_usize, 0_usize, false, false);
    for (at, c) in text.char_indices() {
        if quoted {
            out.push(c);
            (quoted, escaped) = (escaped || c != '"', c == '\\' && !escaped);
            continue;
        }
        match c {
            '"' => {
                quoted = true;
                out.push(c);
            }
            '[' if flat > 0 || is_flat(&text[at..]) => {
                flat += 1;
                out.push(c);
            }
            ']' if flat > 0 => {
                flat -= 1;
                out.push(c);
            }
            '{' | '[' => {
                depth += 1;
                out.push(c);
                break_line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(c);
            }
            ',' if flat > 0 => out.push_str(", "),
            ',' => {
                out.push(c);
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// Whether the list that begins here ends before an object begins.
fn is_flat(list: &str) -> bool {
    list.find(']').is_some_and(|end| !list[..end].contains('{'))
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::pretty;
    use serde_json::{Value, json};

    #[test]
    fn members_stand_on_lines_of_their_own() {
        let body = br#"{"b":1,"a":{"list":[1,2,3],"text":"{,}: \"x\" [\\"},"rows":[{"x":1}]}"#;
        let expected = "{\n  \"b\": 1,\n  \"a\": {\n    \"list\": [1, 2, 3],\n    \"text\": \"{,}: \\\"x\\\" [\\\\\"\n  },\n  \
                        \"rows\": [\n    {\n      \"x\": 1\n    }\n  ]\n}";
        assert_eq!(pretty(body), expected);
    }

    #[test]
    fn the_meaning_stays() {
        for value in [json!({}), json!({"a": [], "b": [[1], [{"c": "]"}]], "d": "ä\n\"\\"}), json!(["[{", {"x": null}])]
        {
            let text = pretty(value.to_string().as_bytes());
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{text}");
        }
    }
}
