// Digits with the answers given to them. Each tile keeps its elements from update to update, so nothing flickers.

const BARS_WIDTH = 66;
const BARS_HEIGHT = 26;
const MARKS = 37; // where the marks below the bars stand, in pixels from the top
const PENCIL = `<svg viewBox="0 0 24 24" aria-hidden="true">
  <path d="M3 17.25V21h3.75L17.8 9.94l-3.75-3.75L3 17.25zM20.7 7.04a1 1 0 0 0 0-1.41l-2.34-2.34a1 1 0 0 0-1.41 0
    l-1.83 1.83 3.75 3.75 1.83-1.83z"/></svg>`;

function ink(cssColour) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = cssColour;
  probe.fillRect(0, 0, 1, 1);
  return probe.getImageData(0, 0, 1, 1).data;
}

function drawDigit(canvas, pixels, offset, { width, height }, [red, green, blue]) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set([red, green, blue, pixels.charCodeAt(offset + i)], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

// One thin bar for each class; below them a tick at the true class and a cross at a wrong answer.
function barsOf(tile, { right, wrong, other }) {
  const step = BARS_WIDTH / tile.probabilities.length;
  const bars = tile.probabilities.map((probability, k) => {
    const colour = k === tile.truth ? right : k === tile.answer ? wrong : other;
    const height = Math.max(1, probability * BARS_HEIGHT);
    const x = (k * step + step * 0.15).toFixed(2);
    const size = `width="${(step * 0.7).toFixed(2)}" height="${height.toFixed(2)}"`;
    return `<rect x="${x}" y="${(BARS_HEIGHT - height).toFixed(2)}" ${size} fill="${colour}"/>`;
  });
  const at = (k) => `translate(${((k + 0.5) * step).toFixed(2)} ${MARKS - 5})`;
  const line = `fill="none" stroke-width="1.7"`;
  bars.push(`<path d="M-2.8 0.4L-0.8 2.4L2.8 -2.2" ${line} stroke="${right}" transform="${at(tile.truth)}"/>`);
  if (tile.answer !== tile.truth) {
    bars.push(`<path d="M-2.5 -2.5L2.5 2.5M2.5 -2.5L-2.5 2.5" ${line} stroke="${wrong}" transform="${at(tile.answer)}"/>`);
  }
  return bars.join("");
}

function makeTile() {
  const item = document.createElement("li");
  item.innerHTML = `<button class="digit"><canvas></canvas><b></b><small></small><small></small>
    <svg class="bars" viewBox="0 0 ${BARS_WIDTH} ${MARKS}" aria-hidden="true"></svg></button>
    <button class="open draw">${PENCIL}</button><button class="open walk">∂</button>`;
  return item;
}

// The page has a shortcut on Space; on a button the key belongs to the button.
function ownSpace(event) {
  if (event.key !== " ") return;
  event.preventDefault();
  event.stopPropagation();
  if (!event.repeat) event.currentTarget.click();
}

export default function ({ data, parentElement, setStateValue }) {
  const list = parentElement.querySelector("ul");
  const pixels = atob(data.pixels);
  const colour = ink(getComputedStyle(list).color);
  while (list.children.length < data.tiles.length) list.append(makeTile());
  while (list.children.length > data.tiles.length) list.lastChild.remove();
  data.tiles.forEach((tile, index) => {
    const [digit, draw, walk] = list.children[index].querySelectorAll("button");
    drawDigit(digit.querySelector("canvas"), pixels, index * data.width * data.height, data, colour);
    digit.querySelector("b").textContent = tile.caption;
    digit.querySelectorAll("small").forEach((line, number) => { line.textContent = tile.notes[number]; });
    digit.querySelector("svg").innerHTML = barsOf(tile, data);
    digit.title = tile.description;
    digit.setAttribute("aria-label", tile.description);
    digit.classList.toggle("chosen", tile.number === data.chosen);
    digit.setAttribute("aria-pressed", tile.number === data.chosen);
    for (const [button, page] of [[draw, "drawing"], [walk, "backpropagation"]]) {
      button.hidden = !data.readable;
      button.title = `Open on the ${page} page`;
      button.setAttribute("aria-label", `Open on the ${page} page: ${tile.notes[tile.notes.length - 1]}`);
      button.onclick = () => setStateValue("opened", { number: tile.number, page, at: Date.now() });
    }
    // States and not triggers: a trigger is lost when a poll of the page comes in between. The time makes each press new.
    digit.onclick = () => setStateValue("pressed", { number: tile.number, at: Date.now() });
    digit.onkeydown = draw.onkeydown = walk.onkeydown = ownSpace;
  });
}
