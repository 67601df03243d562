//! Keys as bytes that sort as CQL sorts them, for the embedded store.

use super::StoreError;
use crate::{Order, Table, Value};

/// The first columns of a row's key as bytes: a longer key of the same row starts with them, a row elsewhere does not.
///
/// # Errors
/// `Column` when a value is not of its column's type.
pub fn encode<'a>(table: &Table, key: impl IntoIterator<Item = &'a Value>) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    for (position, (&(column, kind), value)) in table.key().iter().zip(key).enumerate() {
        let misfit = || StoreError::Column { table: table.versioned_name(), column: column.to_owned() };
        if value.type_of() != Some(kind) {
            return Err(misfit());
        }
        let start = bytes.len();
        push(&mut bytes, value).ok_or_else(misfit)?;
        if position >= table.partition && table.order == Order::Descending {
            bytes[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    Ok(bytes)
}

fn push(bytes: &mut Vec<u8>, value: &Value) -> Option<()> {
    match value {
        // Cassandra and ScyllaDB compare the version of UUIDs before anything else.
        Value::Uuid(id) => {
            bytes.push(id.get_version_num() as u8);
            bytes.extend(id.as_bytes());
        }
        // A zero byte inside a text must not look like its end.
        Value::Text(text) => {
            for byte in text.bytes() {
                bytes.push(byte);
                if byte == 0 {
                    bytes.push(0xff);
                }
            }
            bytes.extend([0, 0]);
        }
        // With the sign bit turned over, negative numbers come first.
        Value::Int(number) | Value::Time(number) => bytes.extend((number ^ i64::MIN).to_be_bytes()),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Type, views};
    use proptest::prelude::*;

    static UP: Table = Table {
        name: "up",
        version: 1,
        columns: &[("partition", Type::Text), ("text", Type::Text), ("number", Type::Int)],
        partition: 1,
        clustering: 2,
        order: Order::Ascending,
    };
    static DOWN: Table = Table {
        name: "down",
        version: 1,
        columns: &[("partition", Type::Text), ("text", Type::Text), ("number", Type::Int)],
        partition: 1,
        clustering: 2,
        order: Order::Descending,
    };

    fn key(partition: &str, text: &str, number: i64) -> [Value; 3] {
        [partition.into(), text.into(), Value::Int(number)]
    }

    proptest! {
        #[test]
        fn bytes_sort_as_the_keys_do(a in ("[a\0]{0,3}", any::<i64>()), b in ("[a\0]{0,3}", any::<i64>())) {
            let (x, y) = (key("p", &a.0, a.1), key("p", &b.0, b.1));
            let up = encode(&UP, &x).unwrap().cmp(&encode(&UP, &y).unwrap());
            let down = encode(&DOWN, &x).unwrap().cmp(&encode(&DOWN, &y).unwrap());
            prop_assert_eq!(up, a.cmp(&b));
            prop_assert_eq!(down, b.cmp(&a));
        }

        #[test]
        fn a_key_starts_with_its_own_partition_only(a in "[a\0]{0,3}", b in "[a\0]{0,3}") {
            let whole = encode(&UP, &key(&a, "x", 1)).unwrap();
            let partition = encode(&UP, &[Value::from(b.as_str())]).unwrap();
            prop_assert_eq!(whole.starts_with(&partition), a == b);
        }
    }

    #[test]
    fn every_view_has_a_key_that_sorts() {
        let sorts = [Type::Uuid, Type::Text, Type::Int, Type::Time];
        for table in views::TABLES {
            assert!(table.key().iter().all(|(_, kind)| sorts.contains(kind)), "{}", table.name);
        }
    }

    #[test]
    fn a_value_of_another_type_is_no_key() {
        assert!(encode(&UP, &[Value::Int(1)]).is_err());
    }
}
