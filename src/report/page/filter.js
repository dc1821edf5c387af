// Which kinds of event and which threads are shown.

/** So many threads have a box each; of more, a text in their names chooses. */
const MOST_BOXES = 500;

function drawFilter(pane) {
  const parts = [kindBoxes()];
  app.traces.forEach((trace, side) => parts.push(taskBoxes(trace, side)));
  pane.replaceChildren(h("div", { class: "columns" }, ...parts));
}

function box(label, checked, set, note) {
  const input = h("input", { type: "checkbox", checked });
  input.addEventListener("change", () => set(input.checked));
  return h("label", {}, input, ` ${label}`, note ? h("span", { class: "muted" }, ` ${note}`) : null);
}

function allOrNone(all, none) {
  return h("p", { class: "actions" }, link("all", all), link("none", none));
}

function kindBoxes() {
  const kinds = new Map();
  for (const trace of app.traces) {
    trace.kindCounts ??= trace.kind.reduce(
      (counts, kind) => (counts[kind]++, counts),
      new Uint32Array(trace.dictionary.kinds.length),
    );
    trace.dictionary.kinds.forEach(({ name }, kind) =>
      kinds.set(name, (kinds.get(name) ?? 0) + trace.kindCounts[kind]),
    );
  }
  const apply = () => {
    changed("rows");
    app.search(app.query);
    drawFilter(byId("pane"));
  };
  const set = (name) => (shown) => {
    if (shown) app.hiddenKinds.delete(name);
    else app.hiddenKinds.add(name);
    changed("rows");
    app.search(app.query);
  };
  const boxes = [...kinds]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, many]) => box(name, !app.hiddenKinds.has(name), set(name), count(many)));
  const all = () => (app.hiddenKinds.clear(), apply());
  const none = () => ([...kinds.keys()].forEach((name) => app.hiddenKinds.add(name)), apply());
  return h("div", {}, h("h4", {}, "Kinds of event"), allOrNone(all, none), h("div", { class: "boxes" }, ...boxes));
}

function taskBoxes(trace, side) {
  const lanes = trace.lanes.filter((lane) => lane.length > 0);
  const hidden = app.hiddenTasks[side];
  const name = app.traces.length > 1 ? ` (${trace.about.source})` : "";
  const list = h("div", { class: "boxes" });
  const meant = () =>
    lanes.filter((lane) => taskLabel(trace, lane.id).toLowerCase().includes(text.value.toLowerCase()));
  const apply = () => {
    changed("rows");
    app.search(app.query);
    fill();
  };
  const set = (task) => (shown) => {
    if (shown) hidden.delete(task);
    else hidden.add(task);
    changed("rows");
    app.search(app.query);
  };
  const fill = () => {
    const found = meant();
    const boxes = found
      .slice(0, MOST_BOXES)
      .map((lane) => box(taskLabel(trace, lane.id), !hidden.has(lane.id), set(lane.id)));
    list.replaceChildren(
      ...boxes,
      found.length > MOST_BOXES
        ? h("p", { class: "muted" }, `${count(found.length - MOST_BOXES)} more: type a part of their names.`)
        : "",
    );
  };
  const text = h("input", {
    type: "search",
    placeholder: "part of a name",
    "aria-label": `Processes${name} whose names have`,
  });
  text.addEventListener("input", fill);
  fill();
  const all = () => (meant().forEach((lane) => hidden.delete(lane.id)), apply());
  const none = () => (meant().forEach((lane) => hidden.add(lane.id)), apply());
  return h("div", {}, h("h4", {}, `Processes${name}`), lanes.length > 20 ? text : "", allOrNone(all, none), list);
}
