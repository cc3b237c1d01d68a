// What stands around every page: the menu, who has logged in, and the line that tells what came of things.
import { callerText, isOpen } from './caller.js';
import { el } from './dom.js';
import { clearNotice, noticeElement } from './notice.js';
import { Place } from './place.js';
import { MENU, pageOf } from './pages.js';

let place = null;

export function leavePage() {
	place?.leave();
	place = null;
	removeEventListener('hashchange', showPage);
}

function markCurrent(link, isCurrent) {
	if (isCurrent)
		link.setAttribute('aria-current', 'page');
	else
		link.removeAttribute('aria-current');
}

function showPage() {
	const { page, parameters } = pageOf(location.hash);
	const isFirst = place === null;
	place?.leave();
	place = new Place(parameters, page.title);
	clearNotice();
	document.title = `${page.title} – Ringcast console`;
	document.getElementById('main').replaceWith(place.element);
	for (const link of document.querySelectorAll('nav a'))
		markCurrent(link, link.getAttribute('href') === page.menu);
	document.querySelector('nav').classList.remove('open');
	document.querySelector('.menu').setAttribute('aria-expanded', 'false');
	scrollTo(0, 0);
	if (!isFirst)
		place.focus();
	page.show(place);
}

function menuButton(nav) {
	const button = el('button', { type: 'button', class: 'menu', 'aria-expanded': 'false', 'aria-controls': 'menu', onclick: () => {
		button.setAttribute('aria-expanded', String(nav.classList.toggle('open')));
	} }, 'Menu');
	return button;
}

export function showFrame(logOut) {
	const nav = el('nav', { id: 'menu', 'aria-label': 'Pages' }, el('ul', {}, MENU.map(({ menu, name }) => el('li', {}, el('a', { href: menu }, name)))));
	document.body.replaceChildren(el('a', { class: 'skip', href: '#main', onclick: (event) => {
		event.preventDefault();
		place.focus();
	} }, 'Skip to the page'),
	el('header', {}, el('a', { class: 'brand', href: '#/' }, 'Ringcast'), menuButton(nav), nav,
		el('p', { class: 'caller' }, callerText(), ' ', isOpen() ? null : el('button', { type: 'button', onclick: logOut }, 'Log out'))),
	el('div', { class: 'page' }, noticeElement(), el('main', { id: 'main' })));
	addEventListener('hashchange', showPage);
	showPage();
}
