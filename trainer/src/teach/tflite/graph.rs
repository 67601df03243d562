//! A model ready to run: its operators in order, its tensors, and the memory that passes between them.

use super::ModelError;
use super::operation::Operation;

/// A network read from a file; the same for every thread that runs it.
#[derive(Debug)]
pub struct Model {
    nodes: Vec<Node>,
    shapes: Vec<Vec<usize>>,
    constants: Vec<Option<Vec<f32>>>,
    input: usize,
    outputs: Vec<usize>,
    /// The node after which a tensor is not needed any more.
    last_use: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub operation: Operation,
    pub inputs: Vec<usize>,
    pub output: usize,
}

/// Buffers that one run leaves for the next: one of these a thread.
#[derive(Debug, Default)]
pub struct Memory {
    free: Vec<Vec<f32>>,
    scratch: Vec<f32>,
}

impl Model {
    pub(super) fn new(
        nodes: Vec<Node>,
        shapes: Vec<Vec<usize>>,
        constants: Vec<Option<Vec<f32>>>,
        input: usize,
        outputs: Vec<usize>,
    ) -> Self {
        let mut last_use = vec![0; shapes.len()];
        for (index, node) in nodes.iter().enumerate() {
            for &input in &node.inputs {
                last_use[input] = index;
            }
        }
        for &output in &outputs {
            last_use[output] = usize::MAX;
        }
        Self { nodes, shapes, constants, input, outputs, last_use }
    }

    /// Lengths of the input: `[1, rows, columns, channels]`.
    pub fn input_shape(&self) -> &[usize] {
        &self.shapes[self.input]
    }

    pub fn output_shapes(&self) -> impl Iterator<Item = &[usize]> {
        self.outputs.iter().map(|&output| self.shapes[output].as_slice())
    }

    /// Runs the model on one picture and returns its outputs in the file's order.
    ///
    /// # Errors
    /// [`ModelError::Input`] when `input` has not as many values as [`Self::input_shape`] says.
    pub fn run(&self, input: &[f32], memory: &mut Memory) -> Result<Vec<Vec<f32>>, ModelError> {
        let wanted = self.len(self.input);
        if input.len() != wanted {
            return Err(ModelError::Input { wanted, given: input.len() });
        }
        let mut computed: Vec<Option<Vec<f32>>> = vec![None; self.shapes.len()];
        computed[self.input] = Some(memory.copy(input));
        for (index, node) in self.nodes.iter().enumerate() {
            let mut output = self.target(index, &mut computed, memory);
            let operands: Vec<&[f32]> = node.inputs.iter().map(|&input| self.values(&computed, input)).collect();
            node.operation.run(&operands, &mut output, memory.scratch(node.operation.scratch()));
            computed[node.output] = Some(output);
            for &input in &node.inputs {
                if self.last_use[input] == index {
                    memory.free.extend(computed[input].take());
                }
            }
        }
        let outputs = self.outputs.iter().map(|&output| self.values(&computed, output).to_vec()).collect();
        memory.free.extend(computed.into_iter().flatten());
        Ok(outputs)
    }

    /// Where node `index` puts its result: a buffer of that size; for a change, filled with its first operand, and the
    /// operand's own buffer where nobody needs it any more.
    fn target(&self, index: usize, computed: &mut [Option<Vec<f32>>], memory: &mut Memory) -> Vec<f32> {
        let node = &self.nodes[index];
        let Operation::Change(_) = node.operation else { return memory.take(self.len(node.output)) };
        let (first, others) = node.inputs.split_first().expect("a change has an operand: the reader checked it");
        if self.last_use[*first] == index
            && !others.contains(first)
            && let Some(buffer) = computed[*first].take()
        {
            return buffer;
        }
        memory.copy(self.values(computed, *first))
    }

    /// A tensor's values; empty for the operand that a change has taken over.
    fn values<'a>(&'a self, computed: &'a [Option<Vec<f32>>], tensor: usize) -> &'a [f32] {
        computed[tensor].as_deref().or(self.constants[tensor].as_deref()).unwrap_or(&[])
    }

    fn len(&self, tensor: usize) -> usize {
        self.shapes[tensor].iter().product()
    }
}

impl Memory {
    /// A buffer of `len` values of any content: the smallest free one that holds them, else a new one.
    fn take(&mut self, len: usize) -> Vec<f32> {
        let fitting = self.free.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= len);
        let smallest = fitting.min_by_key(|(_, buffer)| buffer.capacity()).map(|(index, _)| index);
        let mut buffer = smallest.map_or_else(Vec::new, |index| self.free.swap_remove(index));
        buffer.resize(len, 0.0);
        buffer
    }

    fn copy(&mut self, values: &[f32]) -> Vec<f32> {
        let mut buffer = self.take(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    fn scratch(&mut self, len: usize) -> &mut [f32] {
        if self.scratch.len() < len {
            self.scratch.resize(len, 0.0);
        }
        &mut self.scratch[..len]
    }
}
