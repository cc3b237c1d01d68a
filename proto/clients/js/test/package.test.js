// The package as npm packs it: what is in it, how large it is, that both kinds of loading work, and that types and names are those of the code.
import assert from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import * as module from '../src/node.js';

const top = fileURLToPath(new URL('..', import.meta.url));
const read = (path) => readFileSync(join(top, path), 'utf8');
const BROWSER_BYTES_MAX = 30000, PACKED_BYTES_MAX = 40000;

// The modules that name loads, itself included.
function closure(name, seen = new Set()) {
	if (!seen.has(name)) {
		seen.add(name);
		for (const [, imported] of read(`src/${name}`).matchAll(/from '\.\/(.+)';/g))
			closure(imported, seen);
	}
	return seen;
}

test('what a browser loads is small, not minified even, and is not for Node', () => {
	const modules = [...closure('index.js')], extra = [...closure('resume.js')];
	const sizeOf = (names) => names.reduce((sum, name) => sum + Buffer.byteLength(read(`src/${name}`)), 0);
	assert.ok(modules.length > 5 && sizeOf(modules) < BROWSER_BYTES_MAX, `${sizeOf(modules)} bytes`);
	assert.deepStrictEqual(extra.filter((name) => !modules.includes(name)), ['resume.js'], 'who resumes loads one module more, and others do not load it');
	for (const name of [...modules, 'resume.js'])
		assert.doesNotMatch(read(`src/${name}`).replace(/^\s*\/\/.*$/gm, ''), /\bBuffer\b|\bprocess\b|node:|\brequire\(/, name);
});

test('close codes are those of the engine', () => {
	const text = readFileSync(join(top, '../../../engine/base/close.def'), 'utf8');
	const codes = [...text.matchAll(/^CLOSE\(\w+, (\d+), "(\w+)"/gm)].map(([, code, name]) => [name, Number(code)]).filter(([, code]) => code !== 0 && code !== 1000);
	assert.ok(codes.length > 15);
	for (const [name, code] of codes)
		assert.strictEqual(module.CloseCode[name], code, name);
	const ours = Object.entries(module.CloseCode).filter(([, code]) => code >= 3000);
	assert.strictEqual(ours.length, codes.filter(([, code]) => code >= 3000).length);
});

test('types name what there is, and nothing else', () => {
	const types = read('index.d.ts'), prototype = Object.getPrototypeOf(module.RingcastClient.prototype);
	const exported = [...types.matchAll(/^export (?:class|const) (\w+)/gm)].map(([, name]) => name);
	assert.deepStrictEqual(exported.sort(), Object.keys(module).sort());
	const declared = types.slice(types.indexOf('export class RingcastClient')).matchAll(/^\t(?:readonly )?(\w+)(?=[(:<])/gm);
	const names = new Set([...declared].map(([, name]) => name));
	const own = [prototype, Object.getPrototypeOf(prototype)].flatMap((object) => Object.getOwnPropertyNames(object));
	assert.deepStrictEqual([...names].sort(), [...new Set(own)].filter((name) => name !== 'emit').sort());
	const stats = types.match(/interface Stats \{([^}]*)\}/)[1];
	assert.deepStrictEqual([...stats.matchAll(/^\t(\w+):/gm)].map(([, name]) => name).sort(), Object.keys(new module.RingcastClient().stats()).sort());
});

test('npm pack: contents, size, import and require', (t) => {
	const npm = spawnSync('npm', ['--version']);
	if (npm.status !== 0)
		return t.skip('there is no npm');
	const folder = mkdtempSync(join(tmpdir(), 'ringcast-client-'));
	t.after(() => rmSync(folder, { recursive: true }));
	const copy = join(folder, 'proto/clients/js'); // packing writes files
	cpSync(top, copy, { recursive: true });
	copyFileSync(join(top, '../../../LICENSE'), join(folder, 'LICENSE'));
	const environment = { ...process.env, npm_config_cache: join(folder, 'cache'), npm_config_update_notifier: 'false' };
	const [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: copy, env: environment, encoding: 'utf8' }).replace(/^[^[]*/, ''));
	const sources = [...closure('node.js'), ...closure('index.js'), ...closure('resume.js')].map((name) => `src/${name}`);
	assert.deepStrictEqual(packed.files.map(({ path }) => path).sort(),
		[...new Set([...sources, 'LICENSE', 'README.md', 'dist/ringcast-client.cjs', 'dist/ringcast-client.d.cts', 'dist/resume.cjs', 'dist/resume.d.cts', 'index.d.ts', 'resume.d.ts', 'make_cjs.js',
			'package.json'])].sort());
	assert.strictEqual(readFileSync(join(copy, 'dist/ringcast-client.d.cts'), 'utf8'), read('index.d.ts'));
	assert.ok(packed.size < PACKED_BYTES_MAX, `${packed.size} bytes`);
	const place = join(folder, 'node_modules/ringcast-client');
	mkdirSync(place, { recursive: true });
	execFileSync('tar', ['xzf', join(folder, packed.filename), '--strip-components=1', '-C', place]);
	const show = "console.log(Object.keys(m).sort().join(), new m.RingcastClient({ resume: resume() }).state)";
	const wanted = `${Object.keys(module).sort().join()} idle`;
	for (const [flags, code] of [[['--input-type=module'], `import * as m from 'ringcast-client'; import { resume } from 'ringcast-client/resume'; ${show}`], [[], `const m = require('ringcast-client'), { resume } = require('ringcast-client/resume'); ${show}`]])
		assert.strictEqual(execFileSync('node', [...flags, '-e', code], { cwd: folder, encoding: 'utf8' }).trim(), wanted);
	assert.strictEqual(Object.keys(JSON.parse(read('package.json')).dependencies ?? {}).length, 0);
});
