// Finds texts whose colour is too near to what is behind them: less than 4.5 to 1, or 3 to 1 where
// they are large. What is behind is the nearest ground that is painted; in the picture, the box that
// a text stands in.
(() => {
  const parts = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ratio = (a, b) => {
    const [bright, dark] = [light(a), light(b)].sort((x, y) => y - x);
    return (bright + 0.05) / (dark + 0.05);
  };
  const isPainted = (color) => parts(color).length < 4 || parts(color)[3] > 0.99;
  const behind = (element) => {
    const box = element.closest('.box')?.querySelector('rect');
    if (box) return getComputedStyle(box).fill;
    for (let at = element; at; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if (isPainted(backgroundColor)) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const open = document.querySelector('dialog[open]');
  const faint = [];
  let texts = 0;
  for (const element of (open ?? document.body).querySelectorAll('*')) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest('noscript')) continue;
    if (element.disabled) continue;
    texts += 1;
    const style = getComputedStyle(element);
    const color = element.namespaceURI.endsWith('svg') ? style.fill : style.color;
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const reached = ratio(parts(color), parts(behind(element)));
    if (reached < (isLarge ? 3 : 4.5)) faint.push(`${reached.toFixed(2)} ${color} on ${behind(element)}: ${element.textContent.slice(0, 40)}`);
  }
  return { texts, faint };
})()
