// Joins the modules of src/ into one file in dist/ for each entry, and puts its types beside it, for those who call require(). Run by npm pack; no module may use a name of another.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ENTRIES = [['node.js', 'ringcast-client', 'index.d.ts'], ['resume.js', 'resume', 'resume.d.ts']];
const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url));
function take(name, parts, seen) {
	if (seen.has(name))
		return;
	seen.add(name);
	const text = readFileSync(pathOf(`src/${name}`), 'utf8');
	for (const [, imported] of text.matchAll(/^(?:import|export) .* from '\.\/(.+)';$/gm))
		take(imported, parts, seen);
	parts.push(`// ${name}\n${text.replace(/^import \{(.*)\} from '(node:.+)';$/gm, (_, names, from) => `const {${names.replaceAll(' as ', ': ')}} = require('${from}');`)
		.replace(/^(import|export) .* from '\..+';\n/gm, '').replace(/^export /gm, '')}`);
}

function make(source, out, types) {
	const parts = [], exported = new Set(), entry = readFileSync(pathOf(`src/${source}`), 'utf8');
	take(source, parts, new Set());
	for (const [, names] of entry.matchAll(/^export \{ (.*) \} from /gm))
		names.split(', ').forEach((name) => exported.add(name));
	for (const [, name] of entry.matchAll(/^export (?:class|function) (\w+)/gm))
		exported.add(name);
	writeFileSync(pathOf(`dist/${out}.cjs`), `'use strict';\n${parts.join('\n')}\nmodule.exports = { ${[...exported].sort().join(', ')} };\n`);
	const text = readFileSync(pathOf(types), 'utf8').replaceAll("'./index.js'", "'./ringcast-client.cjs'");
	writeFileSync(pathOf(`dist/${out}.d.cts`), text); // by its name TypeScript knows what kind of module they describe
}

mkdirSync(pathOf('dist'), { recursive: true });
ENTRIES.forEach((entry) => make(...entry));
if (existsSync(pathOf('../../../LICENSE')))
	copyFileSync(pathOf('../../../LICENSE'), pathOf('LICENSE'));
