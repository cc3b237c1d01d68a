// Elements, made in one line each. Text goes in as text, whatever it holds: nothing here reads HTML.
const SVG = 'http://www.w3.org/2000/svg';

function filled(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value);
		else if (value !== false && value !== null && value !== undefined)
			element.setAttribute(name, value === true ? '' : value);
	}
	element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

// el('button', { type: 'button', onclick }, 'Save'). An attribute that is false or null is left out.
export function el(tag, attributes = {}, ...children) {
	return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
	return filled(document.createElementNS(SVG, tag), attributes, children);
}

export function setText(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

let lastId = 0;
export function newId(word) {
	return `${word}-${++lastId}`;
}
