"use strict";
// Draws the treemap of the data in the page. Names are a stranger's: they only ever become text, never markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const place = (id) => document.getElementById(id);
  const map = place("map"), about = place("about"), trail = place("trail"), list = place("list");
  const HEADER = 18; // pixels of a frame's title
  const ROOM = 5000; // pixels that a directory in a frame must have to be shown by its parts
  const FRAME = 60000; // pixels that a directory must have to be a frame in a frame
  const ROWS = 30; // of the list below the map
  const LOOSE = "files of no package";
  const before = data.before && new Map(data.before); // the unpacked size of each package in the earlier report
  let unit = "compressed", view = "package", shown = null;

  // --- The tree -----------------------------------------------------------------------------------------------------
  function newNode(name, parent) {
    return { name, parent, size: 0, compressed: 0, files: 0, kinds: [], inside: "", children: new Map(), before: null };
  }

  function add(root, path, kind, size, compressed, files) {
    let node = root;
    for (const step of [null, ...path]) {
      if (step !== null) {
        if (!node.children.has(step)) node.children.set(step, newNode(step, node));
        node = node.children.get(step);
      }
      node.size += size;
      node.compressed += compressed;
      node.files += files;
      node.kinds[kind] = (node.kinds[kind] || 0) + size;
    }
  }

  // A directory with nothing but one directory in it is one with it: usr/lib/modules/6.12. A package keeps its name.
  function join(node, isPackage) {
    for (const child of node.children.values()) join(child, false);
    const only = node.children.size === 1 ? node.children.values().next().value : null;
    if (only && only.children.size) {
      if (isPackage) node.inside = only.name;
      else node.name += "/" + only.name;
      node.children = only.children;
      for (const child of node.children.values()) child.parent = node;
    }
  }

  function tree() {
    const root = newNode("everything", null);
    for (const [directory, name, owner, kind, size, compressed, files] of data.cells) {
      const way = data.directories[directory].split("/").filter((step) => step);
      const package_ = data.packages[owner] || LOOSE;
      // What has no name are small files. The zero byte keeps them apart from files that are called so.
      const leaf = name || "\0" + kind;
      if (view === "package") add(root, [package_, ...way, leaf], kind, size, compressed, files);
      else if (view === "directory") add(root, [...way, leaf], kind, size, compressed, files);
      else if (kind === 1 || kind === 2) add(root, [data.kinds[kind], ...way, leaf], kind, size, compressed, files);
    }
    for (const [name, kind, size] of data.parts) {
      if (view !== "kernel" || name !== "stub and padding") add(root, [name], kind, size, size, 1);
    }
    for (const child of root.children.values()) {
      join(child, view !== "directory");
      if (before && view === "package" && child.children.size) {
        child.before = child.name === LOOSE ? null : before.get(child.name) || 0;
      }
    }
    return root;
  }

  const label = (node) =>
    node.name.startsWith("\0") ? `${node.files.toLocaleString("en")} small ${node.files === 1 ? "file" : "files"}` : node.name;
  const kindOf = (node) => node.kinds.reduce((best, size, kind) => (size > (node.kinds[best] || -1) ? kind : best), 7);
  const sorted = (node) => [...node.children.values()].filter((each) => each[unit] > 0).sort((a, b) => b[unit] - a[unit]);

  function bytes(size) {
    if (size < 1048576 / 20) return (size / 1024).toFixed(1) + "K";
    return (size / 1048576).toFixed(1) + "M";
  }

  function change(node) {
    if (node.before === null || node.before === node.size) return "";
    const more = node.size - node.before;
    return (more > 0 ? "▲ +" : "▼ −") + bytes(Math.abs(more));
  }

  function describe(node) {
    const way = [];
    for (let at = node; at && at.parent; at = at.parent) way.unshift(label(at) + (at.inside && at !== node ? ` › ${at.inside}` : ""));
    const share = ((100 * node[unit]) / top()[unit]).toFixed(1);
    const grown = change(node);
    return (
      `${way.join(" › ") || "everything"}: ${bytes(node.compressed)} compressed, ${bytes(node.size)} unpacked, ` +
      `${node.files.toLocaleString("en")} ${node.files === 1 ? "file" : "files"}, ${share} % of the whole` +
      (node.children.size ? "" : `, ${data.kinds[kindOf(node)]}`) +
      (grown ? `, ${grown} since the earlier report` : "")
    );
  }

  function top() {
    let at = shown;
    while (at.parent) at = at.parent;
    return at;
  }

  // Return what is in a node, opened further where there is room to see it.
  function expanded(node, area) {
    const nodes = sorted(node);
    for (let at = 0; at < nodes.length; ) {
      const each = nodes[at], room = (area * each[unit]) / node[unit];
      if (each.children.size && room > ROOM && room < FRAME) nodes.splice(at, 1, ...sorted(each));
      else at++;
    }
    return nodes.sort((a, b) => b[unit] - a[unit]);
  }

  // --- The picture: squarified, so that no cell is much longer than wide ---------------------------------------------
  function squarify(nodes, x, y, width, height, draw) {
    const scale = (width * height) / nodes.reduce((sum, each) => sum + each[unit], 0);
    const worst = (sum, least, most, side) => {
      const area = sum * sum;
      return Math.max((side * side * most) / area, area / (side * side * least));
    };
    for (let start = 0; start < nodes.length && width > 0 && height > 0; ) {
      const side = Math.min(width, height);
      const first = nodes[start][unit] * scale;
      let end = start + 1, sum = first;
      while (end < nodes.length) {
        const next = nodes[end][unit] * scale;
        const now = worst(sum, nodes[end - 1][unit] * scale, first, side);
        if (worst(sum + next, next, first, side) > now) break;
        sum += next;
        end++;
      }
      const across = sum / side;
      let at = 0;
      for (; start < end; start++) {
        const along = (nodes[start][unit] * scale) / across;
        if (width >= height) draw(nodes[start], x, y + at, across, along);
        else draw(nodes[start], x + at, y, along, across);
        at += along;
      }
      if (width >= height) { x += across; width -= across; } else { y += across; height -= across; }
    }
  }

  function cell(node, x, y, width, height, isFrame) {
    if (width < 3 || height < 3) return;
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = -1;
    button.className = isFrame ? "frame" : "k" + kindOf(node);
    Object.assign(button.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
    button.setAttribute("aria-label", describe(node));
    if (width > 36 && height > 17) {
      const title = document.createElement("span");
      title.textContent = label(node) + (isFrame ? `  ${bytes(node[unit])}  ${change(node)}` : "");
      button.append(title);
      if (!isFrame && height > 36 && width > 48) {
        const figure = document.createElement("span");
        figure.textContent = `${bytes(node[unit])} ${change(node)}`;
        button.append(figure);
      }
    }
    button.node = node;
    map.append(button);
  }

  function draw() {
    map.replaceChildren();
    // `expanded` leaves nothing between ROOM and FRAME, and a frame's title takes some of what it reckoned with.
    const part = (node, x, y, width, height) => {
      const isTop = node.parent === shown, area = width * height;
      const opens = node.children.size > 0 && width > 48 && height > 44 && (isTop || area > FRAME / 2);
      cell(node, x, y, width, height, opens);
      if (opens) squarify(expanded(node, area), x + 2, y + HEADER + 2, width - 4, height - HEADER - 4, part);
    };
    const nodes = sorted(shown);
    if (nodes.length) squarify(nodes, 0, 0, map.clientWidth, map.clientHeight, part);
    const first = map.querySelector("button");
    if (first) first.tabIndex = 0;
  }

  // --- What stands around it ----------------------------------------------------------------------------------------
  function link(text, action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", action);
    return button;
  }

  function drawTrail() {
    const way = [];
    for (let at = shown.parent; at; at = at.parent) way.unshift(at);
    const here = document.createElement("b");
    here.textContent = label(shown);
    trail.replaceChildren(...way.flatMap((each) => [link(label(each), () => show(each, true)), " › "]), here);
    trail.append(`  ${bytes(shown.compressed)} compressed, ${bytes(shown.size)} unpacked`);
  }

  function row(tag, texts) {
    const line = document.createElement("tr");
    texts.forEach((text, number) => {
      const part = document.createElement(number && tag === "td" ? "td" : "th");
      part.scope = number || tag === "th" ? "col" : "row";
      part.append(text);
      line.append(part);
    });
    return line;
  }

  function drawList() {
    const nodes = sorted(shown), compares = nodes.some((each) => each.before !== null);
    const head = ["name", "share", "compressed", "unpacked", "files", ...(compares ? ["change, unpacked"] : [])];
    list.tHead.replaceChildren(row("th", head));
    list.tBodies[0].replaceChildren(
      ...nodes.slice(0, ROWS).map((node) => {
        const meter = document.createElement("meter");
        meter.value = node[unit] / nodes[0][unit];
        const name = node.children.size ? link(label(node), () => show(node, true)) : label(node);
        const figures = [bytes(node.compressed), bytes(node.size), node.files.toLocaleString("en")];
        const line = row("td", [name, meter, ...figures, ...(compares ? [change(node)] : [])]);
        if (compares) line.lastChild.className = node.size > (node.before ?? node.size) ? "more" : "less";
        return line;
      }),
    );
    const more = nodes.length > ROWS ? `, the ${ROWS} largest of ${nodes.length}` : "";
    list.caption.textContent = `What is in ${label(shown)}${more}`;
  }

  function show(node, moves) {
    shown = node;
    drawTrail();
    draw();
    drawList();
    about.textContent = describe(node);
    if (moves) map.querySelector("button")?.focus();
  }

  // --- Mouse, finger and keyboard -----------------------------------------------------------------------------------
  function open(node) {
    // What is drawn in a frame opens the frame: one level at a time.
    let at = node;
    while (at.parent !== shown) at = at.parent;
    if (at.children.size) show(at, true);
  }

  function next(from, key) {
    const [across, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    const middle = (button) => [button.offsetLeft + button.offsetWidth / 2, button.offsetTop + button.offsetHeight / 2];
    const [x, y] = middle(from);
    let best = null, least = Infinity;
    for (const button of map.children) {
      const [dx, dy] = middle(button).map((value, axis) => value - [x, y][axis]);
      const along = dx * across + dy * down;
      if (button === from || along <= 0) continue;
      const distance = along + 2 * Math.abs(dx * down + dy * across);
      if (distance < least) [best, least] = [button, distance];
    }
    return best;
  }

  const tell = (event) => event.target.node && (about.textContent = describe(event.target.node));
  map.addEventListener("mouseover", tell);
  map.addEventListener("focusin", (event) => {
    map.querySelectorAll('[tabindex="0"]').forEach((each) => (each.tabIndex = -1));
    event.target.tabIndex = 0;
    tell(event);
  });
  map.addEventListener("click", (event) => event.target.node && open(event.target.node));
  map.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow")) {
      next(event.target, event.key)?.focus();
      event.preventDefault();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown.parent) show(shown.parent, true);
  });
  place("choices").addEventListener("change", (event) => {
    if (event.target.name === "unit") unit = event.target.value;
    else view = event.target.value;
    show(event.target.name === "unit" ? shown : tree(), false);
  });

  place("legend").replaceChildren(
    ...data.kinds.map((name, kind) => {
      const item = document.createElement("li"), color = document.createElement("i");
      color.className = "k" + kind;
      item.append(color, name);
      return item;
    }),
  );
  for (const id of ["choices", "keys", "list"]) place(id).hidden = false;
  show(tree(), false);
  let width = map.clientWidth;
  new ResizeObserver(() => {
    if (map.clientWidth !== width) {
      width = map.clientWidth;
      draw();
    }
  }).observe(map);
})();
