// A few numbers, each over a small line of how it came about.

const WIDTH = 100;
const HEIGHT = 28;

function linePoints(values) {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return values.map((value, index) => {
    const x = (index / Math.max(1, values.length - 1)) * WIDTH;
    const y = span ? HEIGHT - 2 - ((value - low) / span) * (HEIGHT - 4) : HEIGHT / 2;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  }).join(" ");
}

function makeFigure() {
  const item = document.createElement("div");
  item.innerHTML = `<dt></dt><dd></dd>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
      <polyline fill="none" stroke-width="1.75" vector-effect="non-scaling-stroke" stroke-linejoin="round"/>
    </svg>`;
  return item;
}

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector("dl");
  while (list.children.length < data.figures.length) list.append(makeFigure());
  data.figures.forEach((figure, index) => {
    const item = list.children[index];
    item.title = figure.explanation;
    item.querySelector("dt").textContent = figure.label;
    item.querySelector("dd").textContent = figure.value;
    const line = item.querySelector("polyline");
    line.setAttribute("stroke", figure.colour);
    line.setAttribute("points", figure.line.length > 1 ? linePoints(figure.line) : "");
  });
}
