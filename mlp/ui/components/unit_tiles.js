// Pictures of units: parts of one picture, each a button that can be pressed by pointer or key.

export default function ({ data, parentElement, setTriggerValue }) {
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
    button.onclick = () => setTriggerValue("pressed", unit.number);
  });
}
