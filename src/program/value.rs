//! The values that programs compute with: 64-bit integers in private variables, combined by
//! expressions, and amounts that may be random.

use serde::{Deserialize, Serialize};

use crate::ids::Fd;

use super::instruction::TextId;

/// A private variable of a process: a place in its frame. A fork copies all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variable(pub u16);

/// Something that an instruction takes as input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    Const(i64),
    Variable(Variable),
    /// An expression of several operators: the index of its root in [`Expressions`].
    Expression(ExprId),
}

/// The index of a node in the image's table of expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExprId(pub u32);

/// A two-sided operator on 64-bit integers. Arithmetic wraps around, as on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

/// One node of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expression {
    pub operator: Operator,
    pub left: Operand,
    pub right: Operand,
    /// How many operators the whole expression has: each is one instruction.
    pub instructions: u32,
}

/// A division by zero, which the CPU turns into an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DivideByZero;

impl Operator {
    /// The result of the operator; comparisons give 1 or 0.
    pub fn apply(self, left: i64, right: i64) -> Result<i64, DivideByZero> {
        Ok(match self {
            Operator::Add => left.wrapping_add(right),
            Operator::Subtract => left.wrapping_sub(right),
            Operator::Multiply => left.wrapping_mul(right),
            Operator::Divide | Operator::Remainder if right == 0 => return Err(DivideByZero),
            Operator::Divide => left.wrapping_div(right),
            Operator::Remainder => left.wrapping_rem(right),
            Operator::Equal => i64::from(left == right),
            Operator::NotEqual => i64::from(left != right),
            Operator::Less => i64::from(left < right),
            Operator::LessOrEqual => i64::from(left <= right),
            Operator::Greater => i64::from(left > right),
            Operator::GreaterOrEqual => i64::from(left >= right),
            Operator::And => i64::from(left != 0 && right != 0),
            Operator::Or => i64::from(left != 0 || right != 0),
        })
    }
}

/// The image's table of expressions; roots and inner nodes are named by [`ExprId`].
#[derive(Clone, Debug, Default)]
pub struct Expressions {
    nodes: Vec<Expression>,
}

impl Expressions {
    /// Adds a node whose operands are already in the table.
    pub fn add(&mut self, operator: Operator, left: Operand, right: Operand) -> Operand {
        let instructions = 1 + self.instructions(left) + self.instructions(right);
        let id = ExprId(self.nodes.len() as u32);
        self.nodes.push(Expression { operator, left, right, instructions });
        Operand::Expression(id)
    }

    /// How many instructions it takes to compute the operand: one for each operator.
    pub fn instructions(&self, operand: Operand) -> u32 {
        match operand {
            Operand::Const(_) | Operand::Variable(_) => 0,
            Operand::Expression(id) => self.nodes[id.0 as usize].instructions,
        }
    }

    /// The operand's value, given the process's variables.
    pub fn evaluate(&self, operand: Operand, variables: &[i64]) -> Result<i64, DivideByZero> {
        match operand {
            Operand::Const(value) => Ok(value),
            Operand::Variable(Variable(slot)) => Ok(variables[usize::from(slot)]),
            Operand::Expression(id) => {
                let node = self.nodes[id.0 as usize];
                let left = self.evaluate(node.left, variables)?;
                let right = self.evaluate(node.right, variables)?;
                node.operator.apply(left, right)
            }
        }
    }
}

/// Which descriptor a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handle {
    /// That of a channel that the scenario declares.
    Named(Fd),
    /// The one with this number, which an earlier call has returned.
    Number(Operand),
}

/// How much of something (nanoseconds, bytes, pages) a step asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    Const(u64),
    /// Computed when the step is reached; a negative value counts as zero.
    Operand(Operand),
    /// The length of a text, with its values filled in.
    Text(TextId),
    /// As many bytes as the thread's buffer holds.
    Buffer,
    /// Drawn anew each time, from the stream of this site and process.
    Random(Site),
}

/// A place in a program that draws random amounts. Each has its own stream in each process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Site {
    /// Its number within the program, from 0.
    pub stream: u16,
    pub distribution: Distribution,
}

/// A distribution of amounts, in the unit of the amount (nanoseconds, bytes, pages).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Every whole amount from `low` to `high` is as likely as any other, both included.
    Uniform {
        low: u64,
        high: u64,
    },
    Exponential {
        mean: f64,
    },
    /// Cut off at zero.
    Normal {
        mean: f64,
        deviation: f64,
    },
    /// A heavy tail: `scale` is the least amount, a smaller `shape` the heavier tail.
    Pareto {
        scale: f64,
        shape: f64,
    },
}
