// What a page is made of: h() says how a part should look, draw() makes it so.
//
// Only what has changed is touched, so the focus stays where it is, a dash goes on moving, and what
// was opened stays open. Text is set as text and never as markup.

const SVG = 'http://www.w3.org/2000/svg';

/** A part of the page: its name, its attributes, and what is in it. */
export function h(name, attributes, ...children) {
  const inside = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  return { name, attributes: attributes ?? {}, children: inside };
}

/** Makes an element show these children. */
export function draw(element, ...children) {
  patch(element, h('', {}, children).children, element.namespaceURI === SVG);
}

/** The element with an id. */
export function $(id) {
  return document.getElementById(id);
}

function patch(parent, children, svg) {
  children.forEach((child, index) => {
    const old = parent.childNodes[index];
    if (!old) {
      parent.append(make(child, svg));
    } else if (!same(old, child)) {
      old.replaceWith(make(child, svg));
    } else if (typeof child !== 'object') {
      if (old.data !== String(child)) old.data = String(child);
    } else {
      update(old, child, svg);
    }
  });
  while (parent.childNodes.length > children.length) parent.lastChild.remove();
}

function same(old, child) {
  if (typeof child !== 'object') return old.nodeType === Node.TEXT_NODE;
  return old.nodeType === Node.ELEMENT_NODE && old.localName === child.name
    && old.shown?.attributes.key === child.attributes.key;
}

function make(child, svg) {
  if (typeof child !== 'object') return document.createTextNode(String(child));
  const drawn = svg || child.name === 'svg';
  const element = drawn ? document.createElementNS(SVG, child.name) : document.createElement(child.name);
  update(element, child, drawn);
  return element;
}

function update(element, child, svg) {
  const before = element.shown?.attributes ?? {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(child.attributes)])) {
    const value = child.attributes[name];
    if (name === 'key' || value === before[name]) continue;
    if (name === 'style') {
      // By the object model: the policy of the page allows no style in markup.
      for (const [property, text] of Object.entries(value ?? {})) element.style.setProperty(property, text);
    } else if (value === undefined || value === null || value === false) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.shown = child;
  patch(element, child.children, svg || element.namespaceURI === SVG);
}
