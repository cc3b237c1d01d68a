'use strict';
// Deadlines in time in which this process runs: one that was stopped for a while is not late.

const STEP_MS = 500;

// Calls back once ms have passed, in steps; a step counts for its own length however long it took. Returns how to call it off.
function afterRunning(ms, callback) {
	let left = ms;
	let timer = null;
	const step = () => {
		if (left <= 0)
			return callback();
		const length = Math.min(STEP_MS, left);
		left -= length;
		timer = setTimeout(step, length);
		return undefined;
	};
	step();
	return () => clearTimeout(timer);
}

module.exports = { afterRunning };
