//! Stopped processes and process groups: SIGSTOP, SIGTSTP and SIGCONT, and what a parent hears of them.

use crate::ids::{Pid, Tid};
use crate::signal::{DefaultAction, Signal};
use crate::trace::{Cause, Sink};

use super::Kernel;
use super::dispositions::News;
use super::task::State;
use super::wait::WaitQueue;

impl<S: Sink> Kernel<S> {
    /// A signal that stops and one that lets go on void each other, even if they are blocked or
    /// ignored (signal(7)).
    pub(super) fn before_signal(&mut self, cpu: usize, process: Pid, signal: Signal) {
        match signal.default_action() {
            DefaultAction::Stop => self.forget_pending(process, Signal::SIGCONT.bit()),
            DefaultAction::Continue => {
                let stops =
                    Signal::ALL.iter().filter(|signal| signal.default_action() == DefaultAction::Stop);
                self.forget_pending(process, stops.fold(0, |set, signal| set | signal.bit()));
                self.go_on_again(cpu, process);
            }
            DefaultAction::Terminate | DefaultAction::Ignore => {}
        }
    }

    /// All threads of a process must stop.
    pub(super) fn begin_stop(&mut self, cpu: usize, process: Pid, signal: Signal) {
        let own = self.signals.process(process);
        (own.stop, own.stopped, own.news) = (Some(signal), 0, None);
        for index in process.index()..self.tasks.len() {
            let task = &mut self.tasks[index];
            if task.process == process && task.state != State::Ended && task.doomed.is_none() {
                task.attention = true;
                self.bring_to_kernel(cpu, Tid::from(index));
            }
        }
    }

    /// The current thread has come to where it stops; with the last one its process has stopped.
    pub fn stop_here(&mut self, cpu: usize, thread: Tid) {
        self.tasks[thread.index()].state = State::Blocked { on: Cause::Stopped, object: None };
        let process = self.tasks[thread.index()].process;
        let threads = self.processes[process.index()].as_ref().map_or(0, |own| own.threads);
        let own = self.signals.process(process);
        own.stopped += 1;
        if own.stopped == threads
            && let Some(signal) = own.stop
        {
            own.news = Some(News::Stopped(signal));
            self.tell_parent_news(cpu, process);
        }
    }

    /// A stopped process goes on.
    fn go_on_again(&mut self, cpu: usize, process: Pid) {
        let Some(own) = self.signals.processes.get_mut(&process) else { return };
        if own.stop.take().is_none() {
            return;
        }
        let threads = self.processes[process.index()].as_ref().map_or(0, |own| own.threads);
        let had_stopped = own.stopped >= threads;
        own.stopped = 0;
        own.news = had_stopped.then_some(News::Continued);
        for index in process.index()..self.tasks.len() {
            let task = &self.tasks[index];
            if task.process != process || task.state == State::Ended {
                continue;
            }
            let stopped = matches!(task.state, State::Blocked { on: Cause::Stopped, .. });
            self.look_again(Tid::from(index));
            if stopped {
                self.wake(cpu, Tid::from(index));
            }
        }
        if had_stopped {
            self.tell_parent_news(cpu, process);
        }
    }

    /// The parent gets SIGCHLD, and may find out by a wait.
    fn tell_parent_news(&mut self, cpu: usize, child: Pid) {
        let Some(parent) = self.processes[child.index()].as_ref().map(|child| child.parent) else { return };
        if parent == Pid::INIT {
            return;
        }
        self.send_signal(cpu, parent, Signal::SIGCHLD);
        if let Some(process) = &mut self.processes[parent.index()] {
            let waiting: WaitQueue = std::mem::take(&mut process.parents_waiting);
            self.wake_all(cpu, waiting);
        }
    }

    /// The oldest of these children that has stopped or goes on again, if the parent wants to know.
    pub fn news_of(
        &mut self,
        parent: Pid,
        fits: impl Fn(Pid, u16) -> bool,
        wanted: impl Fn(News) -> bool,
    ) -> Option<(Pid, News)> {
        let mut found = None;
        let mut child = self.processes[parent.index()].as_ref().and_then(|parent| parent.youngest_child);
        while let Some(id) = child {
            let process = self.processes[id.index()].as_ref()?;
            child = process.older_sibling;
            let news = self.signals.processes.get(&id).and_then(|own| own.news);
            if let Some(news) = news.filter(|news| wanted(*news) && fits(id, process.program)) {
                found = Some((id, news));
            }
        }
        if let Some((id, _)) = found {
            self.signals.process(id).news = None;
        }
        found
    }

    /// The processes of a group that haven't ended, in the order of their numbers.
    pub fn members(&self, group: Pid) -> Vec<Pid> {
        let own = self.processes.iter().enumerate();
        let members =
            own.filter(|(_, own)| own.as_ref().is_some_and(|own| own.is_alive() && own.group == group));
        members.map(|(index, _)| Pid::from(index)).filter(|&member| member != Pid::INIT).collect()
    }
}
