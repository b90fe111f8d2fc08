// A matrix of numbers as coloured cells: hover or the arrow keys tell each value, a press chooses it.

const instances = new WeakMap();
const LEAST_FOR_TEXT = 34; // pixels a cell must be wide to have its number written in it

function decode(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

function written(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "−inf";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size < 1e-3 || size >= 1e5 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
}

function exact(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(7))).replace("-", "−") : written(value);
}

function colour(data, value) {
  if (!Number.isFinite(value)) return data.neutral;
  const share = (value - data.low) / (data.high - data.low || 1);
  return data.scale[Math.min(Math.max(Math.round(share * (data.scale.length - 1)), 0), data.scale.length - 1)];
}

// Black or white, whichever is easier to read on it.
function ink(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => (parseInt(hex.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 ? "#000000" : "#ffffff";
}

function layout(instance) {
  const { data, canvas } = instance;
  const { rows, columns } = data;
  const names = data.row_names.length === rows ? 40 : 0;
  const full = instance.box.clientWidth;
  const most = data.square ? Math.min(full, 420) : full;
  const width = Math.max(most - names, 1);
  const prints = width / columns >= LEAST_FOR_TEXT && rows <= 64;
  const wide = data.square ? width / columns : Math.min(width / columns, 90);
  const high = data.square ? wide : prints ? 24 : Math.min(Math.max(360 / rows, names ? 11 : 2), 22, Math.max(wide * 4, 6));
  return { names, wide, high, prints, head: data.column_names.length === columns && wide >= 18 ? 18 : 0 };
}

function draw(instance) {
  const { data, canvas, values, box } = instance;
  if (!box.clientWidth) return;
  const { rows, columns } = data;
  const place = (instance.place = layout(instance));
  const density = devicePixelRatio || 1;
  const width = place.names + place.wide * columns;
  const height = place.head + place.high * rows;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const paint = canvas.getContext("2d");
  paint.scale(density, density);
  const style = getComputedStyle(box);
  const gap = place.wide > 6 && place.high > 6 && !data.square ? 1 : 0;
  paint.font = `12px ${style.fontFamily}`;
  paint.textBaseline = "middle";
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const value = values[row * columns + column];
      const shade = colour(data, value);
      const x = place.names + column * place.wide;
      const y = place.head + row * place.high;
      paint.fillStyle = shade;
      paint.fillRect(x, y, place.wide - gap + (gap ? 0 : 0.5), place.high - gap + (gap ? 0 : 0.5));
      if (place.prints) {
        paint.fillStyle = ink(shade);
        paint.textAlign = "center";
        paint.fillText(written(value), x + place.wide / 2, y + place.high / 2, place.wide - 2);
      }
    }
  }
  paint.fillStyle = style.color;
  if (place.names && place.high >= 11) {
    paint.textAlign = "right";
    data.row_names.forEach((name, row) => paint.fillText(name, place.names - 5, place.head + (row + 0.5) * place.high, 36));
  }
  if (place.head) {
    paint.textAlign = "center";
    data.column_names.forEach((name, column) =>
      paint.fillText(name, place.names + (column + 0.5) * place.wide, 9, place.wide));
  }
  const frame = (cell, colour, line) => {
    if (!cell) return;
    const [row, column] = cell;
    paint.strokeStyle = colour;
    paint.lineWidth = line;
    const x = place.names + column * place.wide, y = place.head + row * place.high;
    // A cell of two pixels still gets a frame that can be seen.
    const wide = Math.max(place.wide - gap, 7), high = Math.max(place.high - gap, 7);
    paint.strokeRect(x + (place.wide - gap - wide) / 2, y + (place.high - gap - high) / 2, wide, high);
  };
  frame(data.chosen, style.color, 4);
  frame(data.chosen, style.backgroundColor, 1.5);
  if (instance.cursor) {
    frame(instance.cursor, style.getPropertyValue("--st-primary-color"), 3);
  }
}

function tell(instance, cell) {
  const { data, values, words } = instance;
  if (!cell) {
    words.textContent = data.hint;
    return;
  }
  const [row, column] = cell;
  const names = [data.row_word + data.row_labels[row], data.column_word + data.column_labels[column]];
  words.textContent = `${names.filter(Boolean).join(", ")}: ${data.in_blocks ? "strongest " : ""}${exact(values[row * data.columns + column])}`;
}

function cellAt(instance, event) {
  const { data, canvas, place } = instance;
  const box = canvas.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left - place.names) / place.wide);
  const row = Math.floor((event.clientY - box.top - place.head) / place.high);
  return row >= 0 && row < data.rows && column >= 0 && column < data.columns ? [row, column] : null;
}

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export default function ({ data, parentElement, setStateValue }) {
  let instance = instances.get(parentElement);
  if (!instance || !instance.canvas.isConnected) {
    instance = {
      box: parentElement.querySelector(".box"),
      canvas: parentElement.querySelector("canvas"),
      words: parentElement.querySelector(".words"),
      cursor: null,
    };
    instance.observer = new ResizeObserver(() => draw(instance));
    instance.observer.observe(instance.box);
    instances.set(parentElement, instance);
  }
  if (instance.data && (instance.data.rows !== data.rows || instance.data.columns !== data.columns)) instance.cursor = null;
  instance.data = data;
  instance.values = decode(data.values);
  const { canvas } = instance;
  const press = (cell) => {
    if (cell && data.pressable) setStateValue("pressed", { row: cell[0], column: cell[1], at: Date.now() });
  };
  canvas.setAttribute("aria-label", data.description);
  canvas.style.cursor = data.pressable ? "pointer" : "default";
  canvas.onpointermove = (event) => tell(instance, cellAt(instance, event));
  canvas.onpointerleave = () => tell(instance, instance.cursor ?? data.chosen);
  canvas.onclick = (event) => press(cellAt(instance, event));
  canvas.onfocus = () => {
    if (!canvas.matches(":focus-visible")) return;
    instance.cursor ??= data.chosen ?? [0, 0];
    tell(instance, instance.cursor);
    draw(instance);
  };
  canvas.onblur = () => {
    instance.cursor = null;
    draw(instance);
  };
  canvas.onkeydown = (event) => {
    const move = MOVES[event.key];
    if (!move && event.key !== " " && event.key !== "Enter") return;
    // Space plays the run, and arrow keys scroll; on a cell they belong to the grid.
    event.preventDefault();
    event.stopPropagation();
    const [row, column] = instance.cursor ?? data.chosen ?? [0, 0];
    if (!move) {
      if (!event.repeat) press([row, column]);
      return;
    }
    instance.cursor = [
      Math.min(Math.max(row + move[0], 0), data.rows - 1),
      Math.min(Math.max(column + move[1], 0), data.columns - 1),
    ];
    tell(instance, instance.cursor);
    draw(instance);
  };
  tell(instance, instance.cursor ?? data.chosen);
  const legend = parentElement.querySelector(".legend");
  legend.hidden = !data.legend;
  legend.querySelector("i").style.backgroundImage = `linear-gradient(to right, ${data.scale.filter((_, i) => i % 8 === 0 || i === data.scale.length - 1).join(", ")})`;
  legend.querySelector(".low").textContent = written(data.low);
  legend.querySelector(".high").textContent = written(data.high);
  draw(instance);
  return () => {
    instance.observer.disconnect();
    instances.delete(parentElement);
  };
}
