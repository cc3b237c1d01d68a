// From the first moment: who is there, a login if one is needed, then the page that the address names.
import { hasToken, keepToken, whenRefused } from './api.js';
import { learnCaller } from './caller.js';
import { forgetLooks } from './history.js';
import { showLogin } from './login.js';
import { leavePage, showFrame } from './frame.js';

function logOut(reason) {
	leavePage();
	keepToken(null);
	forgetLooks();
	showLogin(start, reason);
}

async function start() {
	try {
		await learnCaller();
	} catch (error) {
		if (error.status !== 401)
			showLogin(start, error.message);
		return;
	}
	showFrame(() => logOut(''));
}

whenRefused((error) => logOut(hasToken() ? error.message : ''));
start();
