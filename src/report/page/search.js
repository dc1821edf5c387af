// Search: names of threads, kinds, calls, objects and interrupts, texts of steps, and what was printed.

/** For each trace, the events that have to do with a text. */
function search(text) {
  const query = text.trim().toLowerCase();
  if (query === "") return [];
  return app.traces.map((trace, side) => searchIn(trace, side, query));
}

function searchIn(trace, side, query) {
  const { about, dictionary } = trace;
  const has = (name) => name.toLowerCase().includes(query);
  const which = (names) => new Set(names.flatMap((name, i) => (has(name) ? [i] : [])));
  const kinds = which(dictionary.kinds.map(({ name }) => name));
  const steps = which(["", ...about.steps.map(({ text, verb }) => `${verb} ${text}`)]);
  const wanted = {
    task: which(trace.tasks.map(({ name }) => name)),
    object: which(about.objects.map(({ name, kind }) => `${kind} ${name}`)),
    call: which(about.calls),
    text: which(about.texts),
    word: which(dictionary.words),
    vector: new Set(about.vectors.filter(({ name }) => has(name)).map(({ vector }) => vector)),
    signal: new Set(
      Object.entries(dictionary.signals)
        .filter(([, name]) => has(name))
        .map(([number]) => Number(number)),
    ),
  };
  // Which fields of each kind can hold one of these.
  const telling = dictionary.kinds.map(({ fields }) => fields.some(({ of }) => wanted[of]?.size > 0));
  const hits = [];
  for (let event = 0; event < trace.kind.length; event++) {
    const kind = trace.kind[event];
    if (app.hiddenKinds.size > 0 && app.hiddenKinds.has(dictionary.kinds[kind].name)) continue;
    if (app.hiddenTasks[side].has(trace.task[event])) continue;
    const plain =
      kinds.has(kind) || steps.has(trace.step[event]) || (wanted.task.size > 0 && wanted.task.has(trace.task[event]));
    if (plain || (telling[kind] && trace.fieldsOf(event).some(({ of, value }) => wanted[of]?.has(value))))
      hits.push(event);
  }
  return hits;
}

/** Hits of all traces in order of time: `[side, event]`. */
function hitsInOrder() {
  const all = app.hits.flatMap((hits, side) => hits.map((event) => [side, event]));
  return app.hits.length > 1 ? all.sort((a, b) => app.traces[a[0]].at[a[1]] - app.traces[b[0]].at[b[1]]) : all;
}

/** Goes to the next hit after the selection, or to the one before it. */
function nextHit(direction) {
  const all = (app.order ??= hitsInOrder());
  if (all.length === 0) return;
  const { selection } = app;
  const time = ([side, event]) => app.traces[side].at[event];
  let i =
    selection?.event === undefined
      ? -1
      : all.findIndex(([side, event]) => side === selection.side && event === selection.event);
  if (i >= 0) i += direction;
  else {
    const at = selection ? extent(selection)[0] : app.view.from;
    i = upperBoundBy(all, time, at - 1) - (direction < 0 ? 1 : 0);
  }
  i = (i + all.length) % all.length;
  const [side, event] = all[i];
  select({ side, event });
  tellHits(i);
}

function tellHits(current) {
  const all = app.hits.reduce((sum, hits) => sum + hits.length, 0);
  const text = !app.query.trim()
    ? ""
    : all === 0
      ? "nothing found"
      : current === undefined
        ? plural(all, "hit")
        : `${count(current + 1)} of ${count(all)}`;
  byId("hits").textContent = text;
  for (const id of ["next", "previous"]) byId(id).disabled = all === 0;
}

function setUpSearch() {
  const box = byId("search");
  let waiting = 0;
  const look = () => {
    app.query = box.value;
    app.order = null;
    app.hits = search(app.query);
    tellHits();
    changed("query");
  };
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 120);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      clearTimeout(waiting);
      if (app.query !== box.value) look();
      nextHit(event.shiftKey ? -1 : 1);
    }
    if (event.key === "Escape") {
      // A browser would empty the box.
      event.preventDefault();
      byFocus().canvas.focus();
    }
  });
  byId("next").addEventListener("click", () => nextHit(1));
  byId("previous").addEventListener("click", () => nextHit(-1));
  app.search = (text) => {
    if (box.value !== text) box.value = text;
    look();
  };
}
