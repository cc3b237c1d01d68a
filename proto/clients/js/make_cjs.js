// Joins the modules of src/ into dist/ringcast-client.cjs, and puts its types beside it, for those who call require(). Run by npm pack; no module may use a name of another.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ENTRY = 'node.js', OUT = 'ringcast-client.cjs';
const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url));
const parts = [], exported = new Set(), seen = new Set();

function take(name) {
	if (seen.has(name))
		return;
	seen.add(name);
	const text = readFileSync(pathOf(`src/${name}`), 'utf8');
	for (const [, imported] of text.matchAll(/^(?:import|export) .* from '\.\/(.+)';$/gm))
		take(imported);
	parts.push(`// ${name}\n${text.replace(/^import \{(.*)\} from '(node:.+)';$/gm, (_, names, from) => `const {${names.replaceAll(' as ', ': ')}} = require('${from}');`)
		.replace(/^(import|export) .* from '\..+';\n/gm, '').replace(/^export /gm, '')}`);
}

take(ENTRY);
const entry = readFileSync(pathOf(`src/${ENTRY}`), 'utf8');
for (const [, names] of entry.matchAll(/^export \{ (.*) \} from /gm))
	names.split(', ').forEach((name) => exported.add(name));
for (const [, name] of entry.matchAll(/^export class (\w+)/gm))
	exported.add(name);
mkdirSync(pathOf('dist'), { recursive: true });
writeFileSync(pathOf(`dist/${OUT}`), `'use strict';\n${parts.join('\n')}\nmodule.exports = { ${[...exported].sort().join(', ')} };\n`);
copyFileSync(pathOf('index.d.ts'), pathOf('dist/ringcast-client.d.cts')); // by its name TypeScript knows what kind of module they describe
if (existsSync(pathOf('../../../LICENSE')))
	copyFileSync(pathOf('../../../LICENSE'), pathOf('LICENSE'));
