//! The scripts of a server that behaves well, whole or but for one phase.
use super::plan::{Plan, command_of};
use super::step::{Answers, Step, expect};

/// All goes well.
pub fn well(plan: impl Into<Plan>) -> Vec<Step> {
    replaced(plan, "no phase", &[])
}

/// All goes well, with these steps in place of one phase's answer.
pub fn replaced(plan: impl Into<Plan>, phase: &str, steps: &[Step]) -> Vec<Step> {
    let mut script = Vec::new();
    for each in plan.into().phases_of_server() {
        let is_replaced = each.name() == phase;
        script.extend(each.command.map(Step::Expect));
        script.extend(if is_replaced { steps.to_vec() } else { each.answer });
    }
    script
}

/// All goes well until the phase waits for its answer; then these steps, and nothing more.
pub fn ended(plan: impl Into<Plan>, phase: &str, steps: Vec<Step>) -> Vec<Step> {
    let plan = plan.into();
    let mut script = Vec::new();
    for each in plan.phases_of_server() {
        let is_last = each.name() == phase;
        script.extend(each.command.map(Step::Expect));
        if is_last {
            script.extend(steps);
            return script;
        }
        script.extend(each.answer);
    }
    panic!("{phase} is no phase of {plan:?}");
}

/// All goes well, whatever part of the plan's operations is asked for and in whatever order.
pub fn in_any_order(plan: &Plan) -> Vec<Step> {
    let answers = Answers::of(plan);
    let mut script = Vec::new();
    for phase in plan.phases_of_server() {
        match phase.command {
            Some(_) => script.extend([expect(""), Step::Answered(answers.clone())]),
            None => script.extend(phase.answer),
        }
    }
    script
}

/// Whether this step reads the command of the phase.
pub fn is_last_expect(step: &Step, phase: &str) -> bool {
    matches!((step, command_of(phase)), (Step::Expect(text), Some(command)) if *text == command)
}
