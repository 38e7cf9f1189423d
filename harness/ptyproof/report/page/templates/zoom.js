/* Panels of a group are enlarged and moved together; a picture opens in a light box. The page is whole without this. */
"use strict";
(() => {
  const STEP = 1.25, LARGEST = 16, MOVE = 0.1;
  const HINT = "Plus and minus enlarge and reduce, arrow keys move, 0 shows whole panels.";
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  function made(tag, attributes, ...content) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...content);
    return element;
  }

  function button(text, label, act) {
    const element = made("button", { type: "button", "aria-label": label }, text);
    element.addEventListener("click", act);
    return element;
  }

  /* What part of each panel is seen: its left upper corner as fractions of the panel, and how often it is enlarged. */
  function linked(group, says) {
    const width = +group.dataset.width, height = +group.dataset.height;
    const panes = [...group.querySelectorAll(".pane")];
    let zoom = 1, x = 0, y = 0;
    const show = () => {
      x = clamp(x, 0, 1 - 1 / zoom);
      y = clamp(y, 0, 1 - 1 / zoom);
      for (const pane of panes) {
        const left = +pane.dataset.left + x * width, top = +pane.dataset.top + y * height;
        pane.setAttribute("viewBox", `${left} ${top} ${width / zoom} ${height / zoom}`);
      }
      group.classList.toggle("enlarged", zoom > 1);
      says.textContent = `enlarged ${zoom.toFixed(1)} times`;
    };
    const change = {
      enlarge(factor, u = 0.5, v = 0.5) {
        const before = zoom;
        zoom = clamp(zoom * factor, 1, LARGEST);
        x += u * (1 / before - 1 / zoom);
        y += v * (1 / before - 1 / zoom);
        show();
      },
      move(u, v) { x += u / zoom; y += v / zoom; show(); },
      reset() { zoom = 1; x = y = 0; show(); },
    };
    const larger = () => change.enlarge(STEP), smaller = () => change.enlarge(1 / STEP);
    const keys = {
      "+": larger, "=": larger, "-": smaller, "0": change.reset,
      ArrowLeft: () => change.move(-MOVE, 0), ArrowRight: () => change.move(MOVE, 0),
      ArrowUp: () => change.move(0, -MOVE), ArrowDown: () => change.move(0, MOVE),
    };
    group.addEventListener("keydown", event => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key.startsWith("Arrow") && zoom === 1) return; /* the page scrolls */
      event.preventDefault();
      act();
    });
    for (const pane of panes) dragged(pane, change, () => zoom > 1 || group.closest("dialog") !== null);
    addEventListener("beforeprint", change.reset);
    return { larger, smaller, reset: change.reset };
  }

  /* The mouse moves an enlarged panel, and its wheel enlarges; elsewhere the wheel scrolls the page, but with Ctrl. */
  function dragged(pane, change, isHeld) {
    const place = event => {
      const box = pane.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    let last = null;
    pane.addEventListener("wheel", event => {
      if (!event.ctrlKey && !pane.closest("dialog")) return;
      event.preventDefault();
      change.enlarge(event.deltaY < 0 ? STEP : 1 / STEP, ...place(event));
    }, { passive: false });
    pane.addEventListener("pointerdown", event => {
      if (!isHeld()) return;
      last = place(event);
      pane.setPointerCapture(event.pointerId);
    });
    pane.addEventListener("pointermove", event => {
      if (last === null) return;
      const now = place(event);
      change.move(last[0] - now[0], last[1] - now[1]);
      last = now;
    });
    for (const name of ["pointerup", "pointercancel"]) pane.addEventListener(name, () => { last = null; });
  }

  /* Panels with the buttons that enlarge them. */
  function withButtons(group, what, ...more) {
    const says = made("output", { class: "says" });
    const change = linked(group, says);
    group.tabIndex = 0;
    group.setAttribute("aria-description", HINT);
    group.setAttribute("aria-keyshortcuts", "+ - 0 ArrowLeft ArrowRight ArrowUp ArrowDown");
    const bar = made("div", { class: "bar" },
      button("+", `Enlarge ${what}`, change.larger),
      button("−", `Reduce ${what}`, change.smaller),
      button("1:1", `Show all of ${what}`, change.reset),
      ...more, says, made("small", { class: "hint" }, HINT));
    return made("div", { class: "linked" }, bar, group);
  }

  const box = made("dialog", { class: "box" });
  const close = button("Close", "Close the light box", () => box.close());
  let back = null;
  document.body.append(box);
  box.addEventListener("close", restore);

  /* What was in the light box goes back to its place, and so does the focus. */
  function restore() {
    const act = back;
    back = null;
    if (act !== null) act();
    if (!box.open) box.replaceChildren();
  }

  function opened(content, label, comesBack) {
    restore();
    back = comesBack;
    box.setAttribute("aria-label", label);
    box.replaceChildren(close, content);
    box.showModal();
  }

  for (const group of document.querySelectorAll(".panels")) {
    const open = button("Light box", "Show the panels in a light box", () => {
      const mark = document.createComment("");
      whole.before(mark);
      opened(whole, "Truth and methods", () => { mark.replaceWith(whole); open.focus(); });
    });
    open.className = "opens";
    const place = document.createComment("");
    group.before(place);
    const whole = withButtons(group, "all panels", open);
    place.replaceWith(whole);
  }

  /* A picture alone is a group of one panel. */
  function panelOf(image) {
    const [width, height] = [image.getAttribute("width"), image.getAttribute("height")];
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({
      class: "pane", role: "img", "aria-label": image.alt, viewBox: `0 0 ${width} ${height}`,
      "data-left": 0, "data-top": 0,
    })) drawn.setAttribute(name, value);
    const inner = document.createElementNS(drawn.namespaceURI, "image");
    for (const [name, value] of Object.entries({ width, height, href: image.src })) inner.setAttribute(name, value);
    drawn.append(inner);
    const group = made("div", { class: "alone", role: "group", "data-width": width, "data-height": height }, drawn);
    group.setAttribute("aria-label", image.alt);
    return group;
  }

  for (const image of document.querySelectorAll("figure img")) {
    const open = button("Enlarge", `Enlarge: ${image.alt}`, () =>
      opened(withButtons(panelOf(image), "the picture"), image.alt, () => open.focus()));
    open.className = "enlarge";
    image.after(open);
  }

  /* Paper has everything: what is folded opens for the printer, and closes after it. */
  let folded = [];
  addEventListener("beforeprint", () => {
    if (box.open) box.close();
    restore();
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const part of folded) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of folded) part.open = false; });
})();
