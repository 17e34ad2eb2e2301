"use strict";
(() => {
  const units = {k: 1e3, M: 1e6, G: 1e9, kB: 1e3, MB: 1e6, GB: 1e9, ms: 1e-3, s: 1, min: 60, h: 3600};
  const figure = /([+\-−]?[\d,]*\.?\d+)\s*(kB|MB|GB|ms|min|k|M|G|s|h)?(?![A-Za-z])/g;
  const key = (cell) => {
    const text = cell.textContent.trim().split("[")[0];
    if (!/^[≥*+\-−\d.]/.test(text)) return null;
    let sum = null;
    for (const [, digits, unit] of text.matchAll(figure)) {
      const value = Number(digits.replace(/,/g, "").replace("−", "-")) * (units[unit] || 1);
      if (sum !== null && !["s", "min"].includes(unit)) break;
      sum = (sum || 0) + value;
    }
    return sum;
  };
  const GROUPS = ["leads", "first", "named", "better", "tied", "behind", ""];
  const words = (cell) => cell.textContent.trim();
  const compare = (a, b, down) => {
    if (a === null || b === null || a === "" || b === "") return (a === null || a === "") - (b === null || b === "");
    const order = typeof a === "number" ? a - b : a.localeCompare(b);
    return down ? -order : order;
  };

  for (const box of document.querySelectorAll(".wide")) {
    const hint = document.createElement("p");
    hint.className = "dim hint";
    hint.textContent = "Wider than the page: it scrolls to the right →";
    box.before(hint);
    const look = () => { hint.hidden = box.scrollWidth <= box.clientWidth + 1; };
    new ResizeObserver(look).observe(box);
    look();
  }

  for (const table of document.querySelectorAll(".sheet")) {
    const body = table.tBodies[0], rows = [...body.rows].filter((row) => row.className !== "n"), heads = [...table.tHead.rows[0].cells];
    const notes = rows.map((row) => row.nextElementSibling && row.nextElementSibling.className === "n" ? [row.nextElementSibling] : []);
    if (rows.length < 2) continue;
    heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const was = head.getAttribute("aria-sort");
        const cells = rows.map((row) => row.cells[place] && !row.querySelector("[colspan]") || place === 0 ? row.cells[place] : null);
        const texts = cells.map((cell) => cell ? words(cell) : "");
        const grouped = texts.some(Boolean) && texts.every((text) => GROUPS.includes(text));
        const numbers = grouped ? texts.map((text) => text ? GROUPS.indexOf(text) : null) : cells.map((cell) => cell && place ? key(cell) : null);
        const numeric = numbers.some((value) => value !== null);
        const keys = numeric ? numbers : texts;
        const ways = numeric && !grouped ? ["descending", "ascending"] : ["ascending", "descending"];
        const now = was === "none" ? ways[0] : was === ways[0] ? ways[1] : "none";
        heads.forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", now);
        const order = rows.map((row, index) => index);
        if (now !== "none") order.sort((a, b) => compare(keys[a], keys[b], now === "descending") || a - b);
        body.append(...order.flatMap((index) => [rows[index], ...notes[index]]));
      });
    });
    if (rows.length < 4) continue;
    const line = document.createElement("div"), label = document.createElement("label");
    const input = document.createElement("input"), count = document.createElement("span");
    line.className = "filter";
    input.type = "search";
    label.append("Rows that contain ", input);
    count.className = "dim";
    count.setAttribute("role", "status");
    line.append(label, count);
    table.parentNode.before(line);
    const texts = rows.map((row, index) => [row, ...notes[index]].map((one) => one.textContent).join(" ").toLowerCase());
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, index) => {
        row.hidden = !wanted.every((word) => texts[index].includes(word));
        notes[index].forEach((note) => { note.hidden = row.hidden; });
        shown += !row.hidden;
      });
      count.textContent = wanted.length ? `${shown} of ${rows.length} rows` : "";
    });
  }

  const PEOPLE = 1000;
  const amount = (value) => !isFinite(value) ? "∞" : value.toLocaleString("en-US", {maximumFractionDigits: 1});
  const times = (value) => value < 100 ? amount(value) : isFinite(value) ? Math.round(value).toLocaleString("en-US") : "∞";
  const percent = (value) => isNaN(value) ? "–" : value > 0 && value < .001 ? (value < .00001 ? "< 0.001" : (100 * value).toFixed(3)) : (100 * value).toFixed(value < .01 || value > .99 ? 2 : 1);
  const between = (shares) => isNaN(shares[0]) ? "–" : `${percent(shares[0])} % [${percent(shares[1])}, ${percent(shares[2])}]`;
  for (const box of document.querySelectorAll(".screen")) {
    const form = box.querySelector(".set"), number = form.querySelector("[type=text]");
    const range = form.querySelector("[type=range]"), select = form.querySelector("select");
    const said = box.querySelector(".said"), at = box.querySelector(".at"), why = box.querySelector(".why");
    let shown = Number(number.value);
    const draw = () => {
      const share = shown / 100, point = select ? select.value : "0";
      at.textContent = percent(share);
      range.setAttribute("aria-valuetext", `${percent(share)} %`);
      const positive = select ? select.selectedOptions[0].dataset.of : box.dataset.of;
      let sentence = "";
      for (const row of box.querySelectorAll("tbody tr")) {
        const known = row.getAttribute(`data-p${point}`);
        const cells = [...row.cells].slice(1);
        if (!known) { cells.forEach((cell) => { cell.textContent = "–"; }); continue; }
        const values = known.split(" ").map(Number), ends = [0, 1, 2];
        const hits = PEOPLE * share * values[0], alarms = PEOPLE * (1 - share) * (1 - values[3]);
        const missed = PEOPLE * share - hits, clear = PEOPLE * (1 - share) - alarms;
        const ppv = ends.map((end) => share * values[end] / (share * values[end] + (1 - share) * (1 - values[3 + end])));
        const npv = ends.map((end) => (1 - share) * values[3 + end] / ((1 - share) * values[3 + end] + share * (1 - values[end])));
        const texts = [amount(hits), amount(missed), amount(alarms), hits > 0 ? times(alarms / hits) : "–", between(ppv), between(npv)];
        cells.forEach((cell, place) => { cell.textContent = texts[place]; });
        if (row.cells[0].textContent.trim() !== box.dataset.first) continue;
        const least = hits > 0 ? alarms / hits : Infinity, most = missed > 0 ? clear / missed : Infinity;
        const each = hits > 0 ? `, ${times(least)} for each one found` : "";
        const price = hits > 0 && least < most
          ? `It helps if finding one more is worth more than ${times(least)} false alarms${missed > 0 ? ` and fewer than ${times(most)}; above that, calling everybody is better` : ""}.`
          : "It helps at no price: calling nobody, or everybody, is as good.";
        sentence = `Of ${PEOPLE.toLocaleString("en-US")} people ${amount(PEOPLE * share)} have ${positive}: ${box.dataset.first} finds ${texts[0]}, misses ${texts[1]} and raises ${texts[2]} false alarms${each}. Of its alarms ${texts[4]} are right (PPV), of its all-clears ${texts[5]} (NPV). ${price}`;
      }
      said.textContent = sentence;
    };
    const LEAST = .01, MOST = 99;
    const tell = (text) => { why.textContent = text; why.hidden = !text; };
    const wanted = () => {
      const text = number.value.trim().replace(",", ".").replace(/\s*%$/, ""), value = Number(text);
      if (!text || !isFinite(value)) return [null, `${text ? `“${number.value}” is no number` : "No prevalence is given"}; the table stays at ${percent(shown / 100)} %.`];
      if (value < LEAST || value > MOST) {
        const near = value < LEAST ? LEAST : MOST;
        return [near, `A prevalence lies between ${LEAST} and ${MOST} %: ${text} became ${near}.`];
      }
      return [value, ""];
    };
    number.addEventListener("input", () => {
      const [value, text] = wanted();
      tell(text);
      if (value === null) return;
      shown = value;
      range.value = Math.log10(value);
      draw();
    });
    number.addEventListener("change", () => { number.value = shown; });
    range.addEventListener("input", () => {
      shown = number.value = Number((10 ** Number(range.value)).toPrecision(2));
      tell("");
      draw();
    });
    if (select) select.addEventListener("change", draw);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
  }
})();
