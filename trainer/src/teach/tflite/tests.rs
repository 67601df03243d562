//! A model made by hand, to compute what can be checked by head and to damage in every way.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Memory, Model, ModelError};

/// What a flatbuffer's table may hold in a field.
#[derive(Clone)]
enum Value {
    Int(i32),
    Byte(u8),
    Ints(Vec<i32>),
    Bytes(Vec<u8>),
    Table(Vec<(usize, Value)>),
    Tables(Vec<Vec<(usize, Value)>>),
}
use Value::{Byte, Bytes, Int, Ints, Table, Tables};

/// Writes a table behind everything else and returns its place. Children follow their parents, as references only
/// lead forward.
fn write_table(file: &mut Vec<u8>, fields: &[(usize, Value)]) -> usize {
    let entries = fields.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
    let mut vtable = vec![0u16; entries + 2];
    vtable[0] = 2 * vtable.len() as u16;
    vtable[1] = 4 + 4 * fields.len() as u16;
    for (place, (number, _)) in fields.iter().enumerate() {
        vtable[number + 2] = 4 + 4 * place as u16;
    }
    file.extend(vtable.iter().flat_map(|entry| entry.to_le_bytes()));
    let at = file.len();
    file.extend(i32::from(vtable[0]).to_le_bytes());
    let slots = file.len();
    for (_, value) in fields {
        file.extend(
            match value {
                Int(number) => *number,
                Byte(byte) => i32::from(*byte),
                _ => 0,
            }
            .to_le_bytes(),
        );
    }
    for (place, (_, value)) in fields.iter().enumerate() {
        let slot = slots + 4 * place;
        match value {
            Int(_) | Byte(_) => {}
            Table(fields) => {
                let child = write_table(file, fields);
                refer(file, slot, child);
            }
            Ints(numbers) => {
                write_list(file, slot, numbers.len(), numbers.iter().flat_map(|n| n.to_le_bytes()).collect())
            }
            Bytes(bytes) => write_list(file, slot, bytes.len(), bytes.clone()),
            Tables(tables) => {
                write_list(file, slot, tables.len(), vec![0; 4 * tables.len()]);
                let first = file.len() - 4 * tables.len();
                for (index, fields) in tables.iter().enumerate() {
                    let child = write_table(file, fields);
                    refer(file, first + 4 * index, child);
                }
            }
        }
    }
    at
}

fn write_list(file: &mut Vec<u8>, slot: usize, items: usize, content: Vec<u8>) {
    let at = file.len();
    refer(file, slot, at);
    file.extend((items as u32).to_le_bytes());
    file.extend(content);
}

fn refer(file: &mut [u8], slot: usize, to: usize) {
    file[slot..slot + 4].copy_from_slice(&((to - slot) as u32).to_le_bytes());
}

fn floats(values: &[f32]) -> Vec<(usize, Value)> {
    vec![(0, Bytes(values.iter().flat_map(|value| value.to_le_bytes()).collect()))]
}

fn tensor(shape: &[i32], kind: u8, buffer: i32) -> Vec<(usize, Value)> {
    vec![(0, Ints(shape.to_vec())), (1, Byte(kind)), (2, Int(buffer))]
}

fn operator(code: i32, inputs: &[i32], output: i32, options: Vec<(usize, Value)>) -> Vec<(usize, Value)> {
    vec![(0, Int(code)), (1, Ints(inputs.to_vec())), (2, Ints(vec![output])), (4, Table(options))]
}

/// Half-precision weights; the sum of each pixel's 3 × 3 neighbourhood, halved, plus 1; the largest of each 2 × 2
/// square; less 2, floored at 0.
fn small_model() -> Vec<u8> {
    let half = vec![(0, Bytes([0x00, 0x38].repeat(9)))];
    let buffers = vec![vec![], half, floats(&[1.0]), floats(&[-2.0])];
    let tensors = vec![
        tensor(&[1, 2, 4, 1], 0, 0),
        tensor(&[1, 3, 3, 1], 1, 1),
        tensor(&[1, 3, 3, 1], 0, 0),
        tensor(&[1], 0, 2),
        tensor(&[1, 2, 4, 1], 0, 0),
        tensor(&[1, 1, 2, 1], 0, 0),
        tensor(&[1], 0, 3),
        tensor(&[1, 1, 2, 1], 0, 0),
    ];
    let (relu, stride) = (Byte(1), |field, by| (field, Int(by)));
    let operators = vec![
        operator(0, &[1], 2, vec![]),
        operator(1, &[0, 2, 3], 4, vec![(0, Byte(0)), stride(1, 1), stride(2, 1)]),
        operator(2, &[4], 5, vec![(0, Byte(1)), stride(1, 2), stride(2, 2), (3, Int(2)), (4, Int(2))]),
        operator(3, &[6, 5], 7, vec![(0, relu)]),
    ];
    let codes = [6, 3, 17, 0].map(|code| vec![(0, Byte(code))]).to_vec();
    let graph = vec![(0, Tables(tensors)), (1, Ints(vec![0])), (2, Ints(vec![7])), (3, Tables(operators))];
    let mut file = vec![0; 4];
    let root =
        write_table(&mut file, &[(0, Int(3)), (1, Tables(codes)), (2, Tables(vec![graph])), (4, Tables(buffers))]);
    file[..4].copy_from_slice(&(root as u32).to_le_bytes());
    file
}

/// Reads and, if that works, runs; neither may panic.
fn try_out(bytes: &[u8]) -> Result<Vec<Vec<f32>>, ModelError> {
    let model = Model::parse(bytes)?;
    let input = vec![1.0; model.input_shape().iter().product()];
    model.run(&input, &mut Memory::default())
}

#[test]
fn a_model_made_by_hand_computes_what_it_says() {
    let model = Model::parse(&small_model()).expect("a sound file");
    let mut memory = Memory::default();
    let input = [0.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0, 8.0];
    // Only the last two columns see anything: (6 + 8) / 2 + 1 = 8, less 2.
    for _ in 0..2 {
        assert_eq!(model.run(&input, &mut memory), Ok(vec![vec![0.0, 6.0]]), "also with used memory");
    }
    assert_eq!(model.run(&[1.0], &mut memory), Err(ModelError::Input { wanted: 8, given: 1 }));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let file = small_model();
    for end in 0..file.len() {
        assert!(try_out(&file[..end]).is_err(), "cut at {end} of {}", file.len());
    }
}

#[test]
fn no_flipped_bit_makes_it_panic() {
    let mut file = small_model();
    for bit in 0..8 * file.len() {
        file[bit / 8] ^= 1 << (bit % 8);
        let _ = try_out(&file);
        file[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn no_handful_of_changed_bytes_makes_it_panic() {
    let sound = small_model();
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..20_000 {
        let mut file = sound.clone();
        for _ in 0..random.random_range(1..6) {
            let place = random.random_range(0..file.len());
            file[place] = if random.random() { random.random() } else { random.random_range(0..9) };
        }
        let _ = try_out(&file);
    }
}
