//! The user's operations, completed: an operation that needs its mailbox open has a `select` of it in front, unless it is
//! the one that is open at that point.

use super::selector::is_same_target;
use super::{Request, RequestedTask};
use crate::operation::{Access, Operation, SELECT};

/// An operation of the plan.
pub(super) struct PlannedTask {
    pub operation: &'static Operation,
    pub target: Option<String>,
    /// The distance to the task before it that opens its mailbox, if it must be open.
    pub opener: Option<usize>,
}

/// The mailbox that is open at some point of the plan.
struct Open {
    mailbox: String,
    access: Access,
    task: usize,
}

/// The tasks of the plan, in order.
pub(super) fn complete_tasks(request: &Request) -> Vec<PlannedTask> {
    let mut tasks: Vec<PlannedTask> = Vec::with_capacity(request.tasks.len());
    let mut open: Option<Open> = None;
    for task in &add_brought_tasks(&request.tasks) {
        let mailbox = task.mailbox().unwrap_or_default();
        if let Some(needed) = task.operation.needs() {
            let is_it = |open: &Open| is_same_target(&open.mailbox, mailbox) && open.access >= needed;
            if !open.as_ref().is_some_and(is_it) {
                open = Some(Open { mailbox: mailbox.to_owned(), access: opened(&SELECT, request), task: tasks.len() });
                tasks.push(PlannedTask { operation: &SELECT, target: Some(mailbox.to_owned()), opener: None });
            }
        }
        let opener = task.operation.needs().and(open.as_ref()).map(|open| tasks.len() - open.task);
        if task.operation.opens().is_some() {
            let access = opened(task.operation, request);
            open = Some(Open { mailbox: mailbox.to_owned(), access, task: tasks.len() });
        }
        tasks.push(PlannedTask { operation: task.operation, target: task.target.clone(), opener });
    }
    tasks
}

/// With each operation that another one brings directly behind that one, unless the user asks for it further behind.
fn add_brought_tasks(requested: &[RequestedTask]) -> Vec<RequestedTask> {
    let mut tasks = Vec::with_capacity(requested.len());
    for (place, task) in requested.iter().enumerate() {
        tasks.push(task.clone());
        let Some(brought) = task.operation.brings else { continue };
        let mailbox = task.mailbox().unwrap_or_default();
        let is_it = |later: &RequestedTask| {
            later.operation.name == brought.name && is_same_target(later.mailbox().unwrap_or_default(), mailbox)
        };
        if !requested.iter().skip(place + 1).any(is_it) {
            tasks.push(RequestedTask { operation: brought, target: task.target.clone() });
        }
    }
    tasks
}

/// How a mailbox is open after this operation.
fn opened(operation: &Operation, request: &Request) -> Access {
    if request.read_only { Access::Reading } else { operation.opens().unwrap_or(Access::Reading) }
}
