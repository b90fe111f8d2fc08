// Pictures of units: parts of one picture, each a button that can be pressed by pointer or key.

export default function ({ data, parentElement, setStateValue }) {
  const list = parentElement.querySelector("ul");
  const rows = Math.ceil(data.units.length / data.columns);
  while (list.children.length < data.units.length) {
    const item = document.createElement("li");
    item.innerHTML = "<button><span></span><small></small></button>";
    list.append(item);
  }
  while (list.children.length > data.units.length) list.lastChild.remove();
  data.units.forEach((unit, index) => {
    const button = list.children[index].firstChild;
    const [picture, caption] = button.children;
    const column = index % data.columns;
    const row = Math.floor(index / data.columns);
    picture.style.backgroundImage = `url(data:image/png;base64,${data.picture})`;
    picture.style.backgroundSize = `${100 * data.columns}% ${100 * rows}%`;
    const x = data.columns > 1 ? (100 * column) / (data.columns - 1) : 0;
    const y = rows > 1 ? (100 * row) / (rows - 1) : 0;
    picture.style.backgroundPosition = `${x}% ${y}%`;
    caption.textContent = unit.caption;
    button.setAttribute("aria-label", unit.description);
    button.title = unit.description;
    button.classList.toggle("chosen", unit.number === data.chosen);
    button.setAttribute("aria-pressed", unit.number === data.chosen);
    // A state and not a trigger: a trigger is lost when a poll of the page comes in between. The time makes each press new.
    button.onclick = () => setStateValue("pressed", { number: unit.number, at: Date.now() });
    // The page has a shortcut on Space; on a button the key belongs to the button.
    button.onkeydown = (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) button.click();
    };
  });
}
