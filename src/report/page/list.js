// Events as a table, a page at a time: the same as the timeline, for whoever reads or listens instead of looking.

const PAGE = 200;

function drawList(pane) {
  const side = app.selection?.side ?? 0;
  const trace = app.traces[side];
  const shown = (event) => !app.hiddenKinds.has(trace.kindName(event)) && !app.hiddenTasks[side].has(trace.task[event]);
  const from = app.listFrom ?? trace.eventFrom(app.view.from);
  const events = [];
  let event = from;
  for (; event < trace.at.length && events.length < PAGE; event++) if (shown(event)) events.push(event);
  const go = (to) => () => {
    app.listFrom = Math.max(to, 0);
    drawList(pane);
  };
  let before = from;
  for (let left = PAGE; before > 0 && left > 0; before--) if (shown(before - 1)) left -= 1;
  const row = (event) =>
    h(
      "tr",
      { "aria-selected": app.selection?.event === event ? "true" : undefined },
      h("th", { scope: "row" }, exact(trace.at[event])),
      h("td", {}, trace.cpu[event] > 0 ? String(trace.cpu[event] - 1) : ""),
      h("td", { class: "left" }, trace.task[event] === 0 ? "idle" : taskLabel(trace, trace.task[event])),
      h("td", { class: "left" }, goTo(trace.kindName(event), { side, event })),
      h("td", { class: "left" }, eventText(trace, event)),
      h("td", { class: "left muted" }, stepText(trace, trace.step[event])),
    );
  const head = h(
    "tr",
    {},
    ...["time", "CPU", "current", "kind", "what", "step"].map((text) =>
      h("th", { scope: "col", class: ["time", "CPU"].includes(text) ? undefined : "left" }, text),
    ),
  );
  pane.replaceChildren(
    h(
      "p",
      { class: "actions" },
      link("from the window's beginning", go(trace.eventFrom(app.view.from))),
      from > 0 ? link(`${PAGE} before`, go(before)) : "",
      event < trace.at.length ? link(`${PAGE} after`, go(event)) : "",
      h("span", { class: "muted" }, ` ${count(trace.at.length)} events in this report`),
    ),
    h(
      "table",
      { class: "list" },
      h("caption", { class: "unseen" }, "Events in order of time"),
      h("thead", {}, head),
      h("tbody", {}, ...events.map(row)),
    ),
  );
  pane.querySelector("[aria-selected]")?.scrollIntoView({ block: "nearest" });
}
