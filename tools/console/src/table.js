// A table that is told its rows again and again and touches only what differs, so that a link keeps the focus while numbers move.
import { el, newId, setText } from './dom.js';

// columns: [{ title, text(row), href(row), act(row), isNumber, isWide }]; href makes a link of the text, but for rows where it is null; act a button, but for rows without a text.
export class Table {
	#columns;
	#key;
	#body = el('tbody');
	#rows = new Map();
	#empty;
	#scroller;

	constructor({ caption, columns, key, empty = 'None.' }) {
		const id = newId('caption');
		this.#columns = columns;
		this.#key = key;
		this.#empty = el('p', { class: 'empty', hidden: true }, empty);
		this.#scroller = el('div', { class: 'scroller', role: 'region', 'aria-labelledby': id, tabindex: '0', hidden: true },
			el('table', {}, el('caption', { id }, caption), el('thead', {}, el('tr', {}, columns.map((column) => this.#head(column)))), this.#body));
		this.element = el('div', {}, this.#scroller, this.#empty);
	}

	#head({ title, isNumber }) {
		return title ? el('th', { scope: 'col', class: isNumber ? 'number' : null }, title) : el('td');
	}

	update(rows) {
		const before = this.#rows;
		this.#rows = new Map();
		for (const row of rows) {
			const key = this.#freeKey(String(this.#key(row)));
			this.#rows.set(key, before.get(key) ?? this.#make());
			before.delete(key);
			this.#fill(this.#rows.get(key), row);
		}
		for (const { element } of before.values())
			element.remove();
		this.#order();
		this.#empty.hidden = rows.length > 0;
		this.#scroller.hidden = rows.length === 0;
	}

	// Rows with equal keys are told apart by their order.
	#freeKey(key) {
		let free = key;
		for (let n = 2; this.#rows.has(free); n++)
			free = `${key} #${n}`;
		return free;
	}

	#make() {
		const line = { row: null, cells: [] };
		line.element = el('tr', {}, this.#columns.map((column) => this.#cell(column, line)));
		return line;
	}

	#cell(column, line) {
		let inner = null;
		if (column.act)
			inner = el('button', { type: 'button', onclick: () => column.act(line.row) });
		else if (column.href)
			inner = el('a');
		const cell = el('td', { class: column.isNumber ? 'number' : column.isWide ? 'wide' : null }, inner);
		line.cells.push({ column, cell, inner });
		return cell;
	}

	#fill(line, row) {
		line.row = row;
		for (const { column, cell, inner } of line.cells) {
			setText(inner ?? cell, String(column.text(row)));
			if (column.href)
				this.#link(inner, column.href(row));
			if (column.act)
				inner.hidden = inner.textContent === '';
			if (column.act && column.label)
				inner.setAttribute('aria-label', column.label(row));
		}
	}

	#link(link, href) {
		if (href === null)
			link.removeAttribute('href');
		else if (link.getAttribute('href') !== href)
			link.setAttribute('href', href);
	}

	#order() {
		let at = this.#body.firstElementChild;
		for (const { element } of this.#rows.values()) {
			if (element === at)
				at = at.nextElementSibling;
			else
				this.#body.insertBefore(element, at);
		}
	}
}
