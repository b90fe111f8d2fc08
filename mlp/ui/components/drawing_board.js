// Paper to draw on with mouse, pen or finger, and the network's answer beside it.
//
// The strokes live here while they are drawn. They are sent as a state of the component, a state and not a trigger,
// because a trigger is lost when a poll of the page comes in between. While the pen is down the next strokes are sent
// once the last ones have been answered: faster would only interrupt the answer that is being made.

const LEAST_MS = 60; // between two messages of one stroke
const MOST_MS = 400; // then an answer is no longer waited for
const NEAR = 1.5; // points closer than this add nothing to a line
const MOST_POINTS = 4000;

const instances = new WeakMap();

function count(strokes) {
  return strokes.reduce((sum, stroke) => sum + stroke.length, 0);
}

function undoable({ past, below }) {
  return past.length > 0 || below;
}

function full({ strokes }) {
  return count(strokes) >= MOST_POINTS;
}

function paint(instance) {
  const { canvas, side, strokes, pen } = instance;
  const ratio = window.devicePixelRatio || 1;
  const pixels = Math.round(canvas.clientWidth * ratio);
  if (!pixels) return;
  if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
  const context = canvas.getContext("2d");
  context.setTransform(pixels / side, 0, 0, pixels / side, 0, 0);
  context.clearRect(0, 0, side, side);
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = pen;
  context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
  for (const stroke of strokes) {
    context.beginPath();
    if (stroke.length === 1) {
      context.arc(stroke[0][0], stroke[0][1], pen / 2, 0, 2 * Math.PI);
      context.fill();
    } else {
      stroke.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.stroke();
    }
  }
}

function refresh(instance) {
  const { root, strokes, shown, picture } = instance;
  paint(instance);
  const image = root.querySelector("img");
  image.hidden = !shown;
  if (shown && image.src !== picture) image.src = picture;
  const words = root.querySelector(".paper p");
  words.hidden = Boolean(strokes.length || shown) && !full(instance);
  words.className = full(instance) ? "full" : "";
  words.textContent = full(instance) ? "The paper is full: undo or clear" : "Draw a digit here";
  root.querySelector(".undo").disabled = !undoable(instance);
  root.querySelector(".clear").disabled = !strokes.length && !shown;
}

function send(instance, back = false) {
  clearTimeout(instance.timer);
  instance.timer = undefined;
  instance.sentAt = performance.now();
  instance.stamp = Date.now();
  instance.root.dataset.sent = instance.stamp; // these two let a test see when a message has been answered
  instance.setStateValue("drawing", {
    strokes: instance.strokes,
    picture: instance.shown,
    pen: instance.pen,
    down: instance.down,
    back,
    edition: instance.edition,
    stamp: instance.stamp,
  });
}

// Sends what has been drawn so far, as soon as the last message has been answered.
function sendSoon(instance) {
  const waited = performance.now() - instance.sentAt;
  const answered = instance.answered === instance.stamp;
  if ((answered && waited >= LEAST_MS) || waited >= MOST_MS) send(instance);
  else instance.timer ??= setTimeout(() => { instance.timer = undefined; sendSoon(instance); }, answered ? LEAST_MS : 20);
}

// Keeps what was before, so that it can be undone: a stroke, clearing, or the picture that made room for a drawing.
// What the page's own pictures were laid upon is kept by the page.
function change(instance, strokes) {
  instance.past.push([instance.strokes, instance.shown]);
  [instance.strokes, instance.shown] = [strokes, false];
}

function point(instance, event) {
  const box = instance.canvas.getBoundingClientRect();
  const scale = instance.side / box.width;
  const round = (value) => Math.round(value * 10) / 10;
  return [round((event.clientX - box.left) * scale), round((event.clientY - box.top) * scale)];
}

function listen(instance) {
  const { canvas, root } = instance;
  canvas.onpointerdown = (event) => {
    // One stroke at a time: a palm that touches the screen beside the pen is a primary pointer of its own.
    if (instance.down || full(instance) || !event.isPrimary || event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    instance.pointer = event.pointerId;
    change(instance, [...instance.strokes, [point(instance, event)]]);
    instance.down = true;
    refresh(instance);
    sendSoon(instance);
  };
  canvas.onpointermove = (event) => {
    if (!instance.down || event.pointerId !== instance.pointer) return;
    const stroke = instance.strokes.at(-1);
    const before = stroke.length;
    const between = event.getCoalescedEvents?.() ?? []; // not every browser has any, nor has any for every event
    for (const each of between.length ? between : [event]) {
      const [x, y] = point(instance, each);
      const [lastX, lastY] = stroke.at(-1);
      if (Math.hypot(x - lastX, y - lastY) >= NEAR && !full(instance)) stroke.push([x, y]);
    }
    if (stroke.length === before) return;
    refresh(instance);
    sendSoon(instance);
  };
  const lift = (event) => {
    if (!instance.down || event.pointerId !== instance.pointer) return;
    instance.down = false;
    send(instance);
  };
  canvas.onpointerup = canvas.onpointercancel = canvas.onlostpointercapture = lift;

  const undo = () => {
    if (instance.down || !undoable(instance)) return;
    if (!instance.past.length) return send(instance, true);
    [instance.strokes, instance.shown] = instance.past.pop();
    refresh(instance);
    send(instance);
  };
  const clear = () => {
    if (instance.down) return;
    change(instance, []);
    refresh(instance);
    send(instance);
  };
  root.querySelector(".undo").onclick = undo;
  root.querySelector(".clear").onclick = clear;
  const width = root.querySelector("input");
  width.oninput = () => {
    instance.pen = Number(width.value);
    paint(instance);
  };
  width.onchange = () => send(instance);
  // Anywhere on the page, because a button that has nothing left to do loses the focus; a field has an undo of its own.
  instance.onKey = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z") return;
    if (event.composedPath()[0].matches?.("input:not([type=range]), textarea")) return;
    event.preventDefault();
    undo();
  };
  document.addEventListener("keydown", instance.onKey);
  root.onkeydown = (event) => {
    // The page has shortcuts on Space and letters; on these controls the keys belong to the controls.
    if (!event.ctrlKey && !event.metaKey && event.key !== "Tab") event.stopPropagation();
  };
}

function showAnswer(instance, { answer, bars, colour, muted }) {
  const { root } = instance;
  root.style.setProperty("--winner", colour);
  root.style.setProperty("--muted", muted);
  const [name, words] = root.querySelector(".answer").children;
  name.textContent = answer.name;
  name.className = answer.name.length > 2 ? "word" : "";
  words.textContent = answer.words;
  const list = root.querySelector(".bars");
  while (list.children.length < bars.length) {
    const row = document.createElement("div");
    row.innerHTML = '<dt></dt><dd class="track"><span class="bar"></span></dd><dd class="share"></dd>';
    list.append(row);
  }
  while (list.children.length > bars.length) list.lastChild.remove();
  bars.forEach((bar, index) => {
    const row = list.children[index];
    row.className = bar.winner ? "winner" : "";
    row.querySelector("dt").textContent = bar.name;
    const { style } = row.querySelector(".bar");
    style.width = `${100 * bar.share}%`;
    style.opacity = bar.winner ? 1 : 0.5; // the colour of a class may be as grey as those that lost
    row.querySelector(".share").textContent = bar.words;
  });
}

// What the page put on the paper is seen at once, on a phone too, where the buttons for it stand a screen below.
function bringIntoView(root) {
  const [top, bottom] = [root.querySelector(".answer"), root.querySelector(".paper")].map(
    (each) => each.getBoundingClientRect(),
  );
  if (top.top < 60 || bottom.bottom > innerHeight) root.querySelector(".answer").scrollIntoView();
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".board");
  let instance = instances.get(parentElement);
  if (!instance) {
    instance = { root, canvas: root.querySelector("canvas"), edition: -1, sentAt: 0, pen: data.pen };
    instances.set(parentElement, instance);
    listen(instance);
    root.querySelector("input").value = data.pen;
    instance.observer = new ResizeObserver(() => paint(instance));
    instance.observer.observe(instance.canvas);
  }
  instance.setStateValue = setStateValue;
  instance.side = data.side;
  instance.answered = data.stamp;
  root.dataset.answered = data.stamp;
  // What the page itself put on the paper replaces what is there: a drawing of before, a picture, a test digit.
  if (data.edition !== instance.edition) {
    const { strokes, edition } = data;
    const past = strokes.map((_, many) => [strokes.slice(0, many), false]);
    const mounted = instance.edition >= 0;
    Object.assign(instance, { edition, strokes, shown: Boolean(data.picture), down: false, past });
    if (mounted) bringIntoView(root);
  }
  instance.below = data.below;
  instance.picture = data.picture || instance.picture; // it has other colours on a dark page
  showAnswer(instance, data);
  refresh(instance);

  return () => {
    if (root.isConnected) return; // Streamlit calls this too when two updates follow each other at once
    clearTimeout(instance.timer);
    document.removeEventListener("keydown", instance.onKey);
    instance.observer.disconnect();
    instances.delete(parentElement);
  };
}
