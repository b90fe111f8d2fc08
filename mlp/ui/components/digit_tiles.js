// Digits with their answers. Each tile keeps its canvas from update to update, so nothing flickers.

const SIDE = 28;
const LONGEST_DIGIT = "✗ 9, is 4".length; // longer captions hold names

function ink(cssColour) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = cssColour;
  probe.fillRect(0, 0, 1, 1);
  return probe.getImageData(0, 0, 1, 1).data;
}

function draw(canvas, pixels, offset, [red, green, blue]) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    image.data.set([red, green, blue, pixels.charCodeAt(offset + i)], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

function makeTile() {
  const tile = document.createElement("li");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const caption = document.createElement("span");
  tile.append(canvas, caption);
  return tile;
}

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector("ul");
  const pixels = atob(data.pixels);
  list.style.setProperty("--wrong", data.wrong);
  list.classList.toggle("words", data.tiles.some((tile) => tile.caption.length > LONGEST_DIGIT));
  const colour = ink(getComputedStyle(list).color);
  while (list.children.length < data.tiles.length) list.append(makeTile());
  while (list.children.length > data.tiles.length) list.lastChild.remove();
  data.tiles.forEach((tile, index) => {
    const item = list.children[index];
    const [canvas, caption] = item.children;
    draw(canvas, pixels, index * SIDE * SIDE, colour);
    caption.textContent = tile.caption;
    item.className = tile.right ? "right" : "wrong";
    item.title = tile.description;
    item.setAttribute("aria-label", tile.description);
  });
}
