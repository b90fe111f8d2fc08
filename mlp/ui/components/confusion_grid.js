// A confusion matrix of buttons. Its elements stay from update to update, so the focus is not lost while it changes.

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function heading(text, options) {
  const cell = Object.assign(document.createElement("th"), options);
  const words = document.createElement("div");
  words.textContent = text;
  cell.append(words);
  return cell;
}

function build(table, names) {
  const long = names.some((name) => name.length > 2);
  const widths = document.createElement("colgroup");
  widths.innerHTML = `<col style="width: 20px"><col style="width: ${long ? "5.2rem" : "1.5rem"}">`;
  const head = document.createElement("thead");
  const axis = head.insertRow();
  axis.insertCell();
  axis.insertCell();
  axis.append(heading("The network's answer", { className: "axis", colSpan: names.length }));
  const above = head.insertRow();
  above.insertCell();
  above.insertCell();
  names.forEach((name) => {
    const cell = heading(name, { scope: "col", title: name, className: long ? "long" : "" });
    cell.firstChild.classList.toggle("upright", long);
    above.append(cell);
  });
  const body = document.createElement("tbody");
  names.forEach((name, row) => {
    const line = body.insertRow();
    if (row === 0) {
      const side = heading("True class", { className: "axis", rowSpan: names.length });
      side.firstChild.classList.add("upright");
      line.append(side);
    }
    line.append(heading(name, { scope: "row", title: name }));
    names.forEach((_, column) => {
      const button = document.createElement("button");
      button.tabIndex = -1;
      button.classList.toggle("diagonal", row === column);
      line.insertCell().append(button);
    });
  });
  table.replaceChildren(widths, head, body);
  table.dataset.names = JSON.stringify(names);
}

// One stop for the Tab key; the arrow keys go on from there.
function reach(buttons, button) {
  buttons.flat().forEach((one) => { one.tabIndex = one === button ? 0 : -1; });
}

export default function ({ data, parentElement, setStateValue }) {
  const table = parentElement.querySelector("table");
  if (table.dataset.names !== JSON.stringify(data.names)) build(table, data.names);
  const buttons = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("button")]);
  data.cells.forEach((cells, row) => cells.forEach((cell, column) => {
    const button = buttons[row][column];
    const chosen = data.chosen !== null && data.chosen[0] === row && data.chosen[1] === column;
    const press = () => {
      if (cell.empty && !chosen) return;
      setStateValue("pressed", { row, column, at: Date.now() });
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const shown = document.querySelector(`.st-key-${data.shown_in}`);
      if (!shown) return;
      shown.style.scrollMarginTop = "4rem"; // Streamlit's bar lies over the page
      shown.scrollIntoView({ block: "nearest", behavior: still ? "instant" : "smooth" });
    };
    button.textContent = cell.text;
    button.title = cell.description;
    button.setAttribute("aria-label", cell.description);
    button.setAttribute("aria-pressed", chosen);
    button.setAttribute("aria-disabled", cell.empty && !chosen);
    [button.style.background, button.style.color] = cell.colours ?? ["", ""];
    button.onclick = press;
    button.onfocus = () => reach(buttons, button);
    button.onkeydown = (event) => {
      const move = MOVES[event.key];
      if (!move && event.key !== " ") return;
      // The page has a shortcut on Space, and arrow keys scroll it; on a button they belong to the grid.
      event.preventDefault();
      event.stopPropagation();
      if (move) buttons[row + move[0]]?.[column + move[1]]?.focus();
      else if (!event.repeat) press();
    };
  }));
  if (!buttons.flat().some((button) => button.tabIndex === 0)) reach(buttons, buttons[0][0]);
  const legend = parentElement.querySelector(".legend");
  legend.style.backgroundImage = `linear-gradient(to right, ${data.scale.join(", ")})`;
  const marks = ["0.1%", "1%", "10%", "100%"];
  legend.innerHTML = marks.map((mark, i) => `<span style="left: ${(100 * i) / 3}%">${mark}</span>`).join("");
}
