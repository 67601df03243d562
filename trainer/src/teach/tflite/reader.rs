//! From the bytes of a file to a [`Model`]: tensors, constants, and operators in their order.

use half::f16;

use super::ModelError::{self, Damaged};
use super::flatbuffer::Table;
use super::graph::{Model, Node};
use super::operation::{Operation, Statement};

/// Values that one tensor, or all constants together, may have: several times what the teachers need.
const MOST_VALUES: usize = 1 << 23;
/// `BuiltinOperator` of the schema; files with half-precision weights begin with one of these for each.
const DEQUANTIZE: i32 = 6;
/// Sums and products.
const COMMUTATIVE: [i32; 2] = [0, 18];

/// Field numbers of the schema's tables.
mod field {
    pub const MODEL_CODES: usize = 1;
    pub const MODEL_GRAPHS: usize = 2;
    pub const MODEL_BUFFERS: usize = 4;
    pub const GRAPH_TENSORS: usize = 0;
    pub const GRAPH_INPUTS: usize = 1;
    pub const GRAPH_OUTPUTS: usize = 2;
    pub const GRAPH_OPERATORS: usize = 3;
    pub const TENSOR_SHAPE: usize = 0;
    pub const TENSOR_TYPE: usize = 1;
    pub const TENSOR_BUFFER: usize = 2;
    pub const BUFFER_DATA: usize = 0;
    pub const OPERATOR_CODE: usize = 0;
    pub const OPERATOR_INPUTS: usize = 1;
    pub const OPERATOR_OUTPUTS: usize = 2;
    pub const OPERATOR_OPTIONS: usize = 4;
    pub const OPERATOR_CUSTOM_OPTIONS: usize = 5;
    pub const CODE_OLD: usize = 0;
    pub const CODE_CUSTOM_NAME: usize = 1;
    pub const CODE_NEW: usize = 3;
}

/// What a tensor holds before anything ran.
enum Content {
    Computed,
    Floats(Vec<f32>),
    Integers(Vec<i32>),
}

struct Tensor {
    shape: Vec<usize>,
    content: Content,
}

impl Tensor {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn has_floats(&self) -> bool {
        matches!(self.content, Content::Floats(_))
    }
}

impl Model {
    /// Reads a file and checks that it can run.
    ///
    /// # Errors
    /// [`ModelError`] when the bytes are no such file, use other operators than the teachers do, or do not fit together.
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        let root = Table::root(bytes)?;
        let graph = *root.tables(field::MODEL_GRAPHS)?.first().ok_or(Damaged("it has no graph"))?;
        let codes = root.tables(field::MODEL_CODES)?;
        let mut tensors = read_tensors(&root, &graph)?;
        let input = read_index(&graph, field::GRAPH_INPUTS, 0, tensors.len())?;
        let mut ready: Vec<bool> = tensors.iter().map(Tensor::has_floats).collect();
        if std::mem::replace(&mut ready[input], true) {
            return Err(Damaged("its input is a constant"));
        }
        let mut nodes = Vec::new();
        for operator in graph.tables(field::GRAPH_OPERATORS)? {
            let code =
                codes.get(operator.int(field::OPERATOR_CODE, 0)? as usize).ok_or(Damaged("an operator's code"))?;
            // Codes that do not fit into a byte stand in a field of their own; in old files that field is missing.
            let number = code.int(field::CODE_NEW, 0)?.max(i32::from(code.byte(field::CODE_OLD)?));
            if number == DEQUANTIZE {
                let [from, to] = widened(&operator, &tensors)?;
                tensors[to].content = std::mem::replace(&mut tensors[from].content, Content::Computed);
                ready[to] = true;
                ready[from] = false;
                continue;
            }
            let node = read_node(&operator, number, code.bytes(field::CODE_CUSTOM_NAME)?, &tensors)?;
            if node.inputs.iter().any(|&input| !ready[input]) || std::mem::replace(&mut ready[node.output], true) {
                return Err(Damaged("its operators are out of order"));
            }
            nodes.push(node);
        }
        let outputs = read_indices(&graph, field::GRAPH_OUTPUTS, tensors.len())?;
        if outputs.iter().any(|&output| !ready[output]) {
            return Err(Damaged("nothing computes an output"));
        }
        let (shapes, constants) = tensors.into_iter().map(|tensor| (tensor.shape, into_floats(tensor.content))).unzip();
        Ok(Self::new(nodes, shapes, constants, input, outputs))
    }
}

fn read_tensors(root: &Table, graph: &Table) -> Result<Vec<Tensor>, ModelError> {
    let buffers = root.tables(field::MODEL_BUFFERS)?;
    let mut tensors = Vec::new();
    let mut constants = 0;
    for table in graph.tables(field::GRAPH_TENSORS)? {
        let lengths = table.ints(field::TENSOR_SHAPE)?;
        let shape: Vec<usize> = lengths
            .into_iter()
            .map(|length| usize::try_from(length).map_err(|_| Damaged("a shape")))
            .collect::<Result<_, _>>()?;
        let values = shape.iter().try_fold(1, |values: usize, &length| values.checked_mul(length));
        let values = values.filter(|&values| values <= MOST_VALUES).ok_or(Damaged("a tensor is too large"))?;
        let buffer = buffers.get(table.int(field::TENSOR_BUFFER, 0)? as usize).ok_or(Damaged("a tensor's buffer"))?;
        let data = buffer.bytes(field::BUFFER_DATA)?;
        let content =
            if data.is_empty() { Content::Computed } else { read_constant(table.byte(field::TENSOR_TYPE)?, data)? };
        let held = match &content {
            Content::Computed => values,
            Content::Floats(floats) => floats.len(),
            Content::Integers(integers) => integers.len(),
        };
        if !data.is_empty() {
            constants += held;
        }
        if held != values || constants > MOST_VALUES {
            return Err(Damaged("a constant's size"));
        }
        tensors.push(Tensor { shape, content });
    }
    Ok(tensors)
}

/// `kind` is the schema's `TensorType`.
fn read_constant(kind: u8, data: &[u8]) -> Result<Content, ModelError> {
    let (fours, _) = data.as_chunks::<4>();
    let (twos, _) = data.as_chunks::<2>();
    match kind {
        0 => Ok(Content::Floats(fours.iter().map(|&four| f32::from_le_bytes(four)).collect())),
        1 => Ok(Content::Floats(twos.iter().map(|&two| f16::from_le_bytes(two).to_f32()).collect())),
        2 => Ok(Content::Integers(fours.iter().map(|&four| i32::from_le_bytes(four)).collect())),
        _ => Err(ModelError::Unsupported(format!("constants of type {kind}"))),
    }
}

/// The two tensors of an operator that widens half-precision constants, which reading them has done already.
fn widened(operator: &Table, tensors: &[Tensor]) -> Result<[usize; 2], ModelError> {
    let from = read_index(operator, field::OPERATOR_INPUTS, 0, tensors.len())?;
    let to = read_index(operator, field::OPERATOR_OUTPUTS, 0, tensors.len())?;
    if !tensors[from].has_floats() || from == to || tensors[from].len() != tensors[to].len() {
        return Err(ModelError::Unsupported("quantised tensors".into()));
    }
    Ok([from, to])
}

fn read_node(operator: &Table, code: i32, custom_name: &[u8], tensors: &[Tensor]) -> Result<Node, ModelError> {
    let mut inputs = read_indices(operator, field::OPERATOR_INPUTS, tensors.len())?;
    let output = read_index(operator, field::OPERATOR_OUTPUTS, 0, tensors.len())?;
    // The second operand of a change is repeated over the first, and sums and products may name them either way round.
    if COMMUTATIVE.contains(&code)
        && let [first, second] = inputs[..]
        && tensors[first].len() < tensors[second].len()
        && matches!(tensors[second].content, Content::Computed)
    {
        inputs.swap(0, 1);
    }
    let amounts: &[i32] = match inputs.get(1).map(|&second| &tensors[second].content) {
        Some(Content::Integers(integers)) => integers,
        _ => &[],
    };
    let statement = Statement {
        code,
        custom_name,
        custom_options: operator.bytes(field::OPERATOR_CUSTOM_OPTIONS)?,
        options: operator.table(field::OPERATOR_OPTIONS)?,
        inputs: inputs.iter().map(|&input| tensors[input].shape.as_slice()).collect(),
        output: &tensors[output].shape,
        amounts,
    };
    let operation: Operation = statement.read()?;
    inputs.truncate(operation.operands());
    Ok(Node { operation, inputs, output })
}

fn read_indices(table: &Table, field: usize, tensors: usize) -> Result<Vec<usize>, ModelError> {
    let inside = |index: i32| usize::try_from(index).ok().filter(|&index| index < tensors);
    table.ints(field)?.into_iter().map(|index| inside(index).ok_or(Damaged("a tensor's number"))).collect()
}

fn read_index(table: &Table, field: usize, place: usize, tensors: usize) -> Result<usize, ModelError> {
    read_indices(table, field, tensors)?.get(place).copied().ok_or(Damaged("a list of tensors is empty"))
}

fn into_floats(content: Content) -> Option<Vec<f32>> {
    if let Content::Floats(floats) = content { Some(floats) } else { None }
}
