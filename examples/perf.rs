use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Pace, Simulator};
use trapline::trace::sink::Off;
fn main() {
    let p = std::env::args().nth(1).unwrap();
    let pace = if std::env::args().nth(2).is_some() { Pace::Step } else { Pace::Fast };
    let s = Scenario::load(p.as_ref(), &Overrides::default()).unwrap();
    for _ in 0..3 {
        let t = std::time::Instant::now();
        let mut sim = Simulator::new(&s.image, Off, pace);
        let o = sim.run();
        let e = t.elapsed().as_secs_f64();
        println!(
            "{:?} {} crossings {} turns, {:.3}s {:.1} ns/crossing {:.1} ns/turn",
            o,
            sim.kernel.crossings,
            sim.turns(),
            e,
            e * 1e9 / sim.kernel.crossings as f64,
            e * 1e9 / sim.turns() as f64
        );
    }
}
