// What changed from one list of lines to another: the longest common part stays, the rest is taken away or added.
const CELLS_MAX = 4e6; // a table larger than this is not made: then all of it counts as changed

function commonEnds(from, to) {
	let start = 0, end = 0;
	while (start < from.length && start < to.length && from[start] === to[start])
		start++;
	while (end < from.length - start && end < to.length - start && from[from.length - 1 - end] === to[to.length - 1 - end])
		end++;
	return { start, end };
}

// lengths[i * width + j]: of the longest common part of from[i..] and to[j..]
function commonLengths(from, to) {
	const width = to.length + 1, lengths = new Uint32Array((from.length + 1) * width);
	for (let i = from.length - 1; i >= 0; i--)
		for (let j = to.length - 1; j >= 0; j--)
			lengths[i * width + j] = from[i] === to[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
	return lengths;
}

function middle(from, to) {
	if (from.length * to.length > CELLS_MAX)
		return [...from.map((line) => ['-', line]), ...to.map((line) => ['+', line])];
	const lengths = commonLengths(from, to), width = to.length + 1, out = [];
	let i = 0, j = 0;
	while (i < from.length || j < to.length) {
		if (i < from.length && j < to.length && from[i] === to[j]) {
			out.push([' ', from[i]]);
			i++;
			j++;
		} else if (j === to.length || (i < from.length && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])) {
			out.push(['-', from[i++]]);
		} else {
			out.push(['+', to[j++]]);
		}
	}
	return out;
}

// [[' ' | '-' | '+', line]]
export function diffLines(from, to) {
	const { start, end } = commonEnds(from, to);
	const same = (lines) => lines.map((line) => [' ', line]);
	return [...same(from.slice(0, start)), ...middle(from.slice(start, from.length - end), to.slice(start, to.length - end)), ...same(from.slice(from.length - end))];
}
