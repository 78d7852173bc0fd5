//! The scripts of a server that behaves well, whole or but for one phase.
use super::plan::{Phase, Plan, command_of};
use super::step::{Answers, Step, expect};

/// All goes well.
pub fn well(plan: impl Into<Plan>) -> Vec<Step> {
    script(plan.into().phases_of_server())
}

/// All goes well, with these steps in place of one phase's answer.
pub fn replaced(plan: impl Into<Plan>, phase: &str, steps: &[Step]) -> Vec<Step> {
    script(plan.into().phases_of_server().into_iter().map(|each| {
        let answer = if each.name() == phase { steps.to_vec() } else { each.answer };
        Phase { answer, ..each }
    }))
}

/// All goes well until the phase waits for its answer; then these steps, and nothing more.
pub fn ended(plan: impl Into<Plan>, phase: &str, steps: Vec<Step>) -> Vec<Step> {
    let plan = plan.into();
    let mut phases = plan.phases_of_server();
    let place = phases.iter().position(|each| each.name() == phase);
    let place = place.unwrap_or_else(|| panic!("{phase} is no phase of {plan:?}"));
    phases.truncate(place + 1);
    phases[place].answer = steps;
    script(phases)
}

/// The server's part in these phases.
pub fn script(phases: impl IntoIterator<Item = Phase>) -> Vec<Step> {
    phases.into_iter().flat_map(|phase| phase.command.map(Step::Expect).into_iter().chain(phase.answer)).collect()
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
