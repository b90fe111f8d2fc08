// Pictures side by side, each with its name and a sentence; kept from update to update, so that nothing flickers.

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector("ol");
  while (list.children.length < data.stages.length) {
    const item = document.createElement("li");
    item.innerHTML = "<img><b></b><p></p>";
    list.append(item);
  }
  while (list.children.length > data.stages.length) list.lastChild.remove();
  data.stages.forEach((stage, index) => {
    const item = list.children[index];
    const [picture, name, words] = item.children;
    if (picture.src !== stage.picture) picture.src = stage.picture;
    picture.alt = stage.description;
    name.textContent = stage.name;
    words.textContent = stage.words;
    item.className = stage.off ? "off" : "";
  });
}
