#!/usr/bin/env node
/*
 * Writes engine/service/api/shapes.def: the input and output of every operation of the service API, as data.
 *
 *   tools/make_service_shapes.cjs CLIENT_GAMELIFT_FOLDER SERVICE_MODEL_JSON >engine/service/api/shapes.def
 *
 * CLIENT_GAMELIFT_FOLDER is an unpacked npm package @aws-sdk/client-gamelift: it knows every operation of today, but no bounds.
 * SERVICE_MODEL_JSON is gamelift/2015-10-01/service-2.json of Debian's python3-botocore: it knows the bounds, but is some years old.
 * What neither has (bounds of new members) is in the table below. Run by hand when a new operation is wanted; the build does not need it.
 */
'use strict';
const fs = require('fs');
const path = require('path');

const SMITHY = { STRING: 0, NUMBER: 1, BOOLEAN: 2, TIMESTAMP: 4, BLOB: 21, LIST: 64, MAP: 128, SENSITIVE: 8 };

/* Member of a struct -> what the documents say of it. */
const NEWER = {
  'CreateScriptInput.NodeJsVersion': { kind: 'STRING', values: ['10.x', '24.x'] },
  'Script.NodeJsVersion': { kind: 'STRING', values: ['10.x', '24.x'] },
  'TerminateGameSessionInput.GameSessionId': { like: 'UpdateGameSessionInput.GameSessionId' },
  'TerminateGameSessionInput.TerminationMode': { kind: 'STRING', values: ['TRIGGER_ON_PROCESS_TERMINATE', 'FORCE_TERMINATE'] },
  'GetPlayerConnectionDetailsInput.GameSessionId': { like: 'UpdateGameSessionInput.GameSessionId' },
  'PriorityConfigurationOverride.PlacementFallbackStrategy': { kind: 'STRING', values: ['DEFAULT_AFTER_SINGLE_PASS', 'NONE'] },
};

/* Words that the old model does not have yet. */
const NEWER_WORDS = { OperatingSystem: ['WINDOWS_2016', 'AMAZON_LINUX_2023', 'WINDOWS_2022'] };

function readClient(folder) {
  let text = fs.readFileSync(path.join(folder, 'dist-es/schemas/schemas_0.js'), 'utf8');
  text = text.replace(/^import .*$/gm, '').replace(/export (const|var|let) /g, '$1 ');
  const names = [...text.matchAll(/^(?:const|var|let) ([\w$]+) = \[/gm)].map((m) => m[1]);
  const errors = [...new Set([...text.matchAll(/registerError\([\w$]+, (\w+)/g)].map((m) => m[1]))];
  const registry = class { static for() { return new this(); } registerError() {} };
  const run = new Function('TypeRegistry', ...errors, `${text}\nreturn [${names.join(',')}]`);
  return run(registry, ...errors.map(() => null)).filter((s) => Array.isArray(s) && s[0] === 9);
}

const model = JSON.parse(fs.readFileSync(process.argv[3], 'utf8')).shapes;
const shapes = new Map(); // name -> row
const structs = new Map(); // name -> [member rows]

const KIND_OF_MODEL = { string: 'STRING', integer: 'INTEGER', long: 'INTEGER', double: 'DOUBLE', float: 'DOUBLE', boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP', blob: 'BLOB', list: 'LIST', map: 'MAP', structure: 'STRUCT' };

function kindOf(type) {
  return { 0: 'STRING', 1: 'INTEGER', 2: 'BOOLEAN', 4: 'TIMESTAMP', 21: 'BLOB' }[type];
}

function add(name, row) {
  const known = shapes.get(name);
  if (known && JSON.stringify(known) !== JSON.stringify(row))
    throw new Error(`two shapes ${name}: ${JSON.stringify(known)} ${JSON.stringify(row)}`);
  shapes.set(name, row);
  return name;
}

/* A schema of the client, with the bounds that the old model has for it. Returns the shape's name. */
function shapeOf(schema, old, hint) {
  let sensitive = false;
  while (typeof schema === 'function' || (Array.isArray(schema) && schema.length === 2 && !(typeof schema[1] === 'string')))
    schema = typeof schema === 'function' ? schema() : schema[0];
  if (Array.isArray(schema) && schema[0] === 0) {
    sensitive = (schema[3] & SMITHY.SENSITIVE) !== 0;
    schema = schema[4];
  }
  const oldShape = old ? model[old] : undefined;
  if (Array.isArray(schema))
    return named(schema, old);
  if (schema >= SMITHY.MAP || (schema >= SMITHY.LIST && schema < SMITHY.MAP)) {
    const isMap = schema >= SMITHY.MAP;
    const element = schema - (isMap ? SMITHY.MAP : SMITHY.LIST);
    const elementOld = oldShape && (isMap ? oldShape.value.shape : oldShape.member.shape);
    const inner = shapeOf(element, elementOld, hint + (isMap ? 'Value' : 'Item'));
    return { name: add(old || hint, { kind: isMap ? 'MAP' : 'LIST', min: oldShape?.min, max: oldShape?.max, element: inner.name }), sensitive: sensitive || inner.sensitive };
  }
  const row = { kind: oldShape ? KIND_OF_MODEL[oldShape.type] : kindOf(schema), min: oldShape?.min, max: oldShape?.max,
    pattern: oldShape?.pattern, values: oldShape?.enum && [...oldShape.enum, ...(NEWER_WORDS[old] || [])], ...(oldShape?.type === 'long' ? { isLong: true } : {}) };
  const isPlain = row.min === undefined && row.max === undefined && !row.pattern && !row.values;
  const plain = { STRING: 'String', INTEGER: 'Integer', DOUBLE: 'Double', BOOLEAN: 'Boolean', TIMESTAMP: 'Timestamp', BLOB: 'Blob' }[row.kind];
  return { name: isPlain ? add(plain, { kind: row.kind }) : add(old, row), sensitive };
}

function named(schema, old) {
  const name = schema[2];
  if (schema[0] === 1 || schema[0] === 2) {
    const oldShape = model[old || name];
    const isMap = schema[0] === 2;
    const elementOld = oldShape && (isMap ? oldShape.value.shape : oldShape.member.shape);
    const inner = shapeOf(isMap ? schema[5] : schema[4], elementOld, name + 'Item');
    return { name: add(old || name, { kind: isMap ? 'MAP' : 'LIST', min: oldShape?.min, max: oldShape?.max, element: inner.name }),
      sensitive: inner.sensitive };
  }
  struct(schema);
  return { name, sensitive: false };
}

function struct(schema) {
  const [, , name, , members, types, required] = schema;
  if (structs.has(name))
    return;
  const rows = [];
  structs.set(name, rows);
  add(name, { kind: 'STRUCT' });
  members.forEach((member, i) => {
    const newer = NEWER[`${name}.${member}`];
    let old = model[name]?.members?.[member]?.shape;
    if (newer?.like) {
      const [from, which] = newer.like.split('.');
      old = model[from].members[which].shape;
    }
    const shape = newer?.values ? { name: add(`${name}_${member}`, { kind: newer.kind, values: newer.values }), sensitive: false }
      : shapeOf(types[i], old, `${name}_${member}`);
    rows.push({ member, shape: shape.name, required: i < (required || 0), sensitive: shape.sensitive });
  });
}

const operations = readClient(process.argv[2]);
operations.sort((a, b) => (a[2] < b[2] ? -1 : 1));
for (const operation of operations) {
  for (const side of [4, 5]) {
    let schema = operation[side];
    while (typeof schema === 'function')
      schema = schema();
    if (Array.isArray(schema))
      struct(schema);
  }
}

/* Brackets and quotes inside a bracket expression: one pattern of the model has them, so it is written out. */
const PATTERNS = { LaunchParametersStringModel: '^([]A-Za-z0-9_:.+/\\ =@;{},?\'["-]+)$' };

/* Regular expressions of the model, which are Perl's and sometimes UTF-16: as POSIX ones over UTF-8 bytes. "" where they allow anything. */
function posix(pattern) {
  if (!pattern || pattern === '[\\s\\S]*' || /\\u0020-\\uD7FF/.test(pattern))
    return '';
  let text = pattern.replace(/\\u0031-\\u0039/g, '1-9').replace(/\\u0030-\\u0039/g, '0-9').replace(/\(\?:/g, '(').replace(/\\d/g, '[0-9]');
  text = text.replace(/\[\^\\s\]/g, '[^[:space:]]').replace(/\\S/g, '[^[:space:]]').replace(/\\\//g, '/');
  text = text.replace(/\[([^\]]*)\]/g, (all, inside) => {
    if (inside.startsWith('^') || inside.startsWith('['))
      return all;
    const dash = inside.includes('\\-') || /[^\\]-$/.test(inside) || /-[\\.]/.test(inside);
    const plain = inside.replace(/\\w/g, 'A-Za-z0-9_').replace(/\\([().\-/:\\])/g, (m, c) => (c === '-' ? '' : c)).replace(/-(?=\.$)/, '').replace(/-$/, '')
      .replace(/9-\./g, '9.');
    return `[${plain}${dash || /-$/.test(inside) ? '-' : ''}]`;
  });
  return text.includes('[') || text.includes('.') ? `^(${text.split('|').map((p) => p.replace(/^\^/, '').replace(/\$$/, '')).join('|')})$` : text;
}

function quote(text) {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
}

const number = (n) => (n === undefined ? 'SHAPE_UNBOUNDED' : String(n));
/* An integer of the interface has 32 bits. */
const least = (row) => number(row.min ?? (row.kind === 'INTEGER' && !row.isLong ? -2147483648 : undefined));
const most = (row) => number(row.max ?? (row.kind === 'INTEGER' && !row.isLong ? 2147483647 : undefined));
const out = [];
out.push('/*');
out.push(' * Inputs and outputs of the service API. Written by tools/make_service_shapes.cjs: facts of the public interface, edit there.');
out.push(' *');
out.push(' * SHAPE(name, kind, min, max, pattern, values, element): bounds of a number, or of the length of anything else; pattern is a POSIX');
out.push(' *   expression for the whole text, values the words allowed, with | between; element is what a list or map holds.');
out.push(' * MEMBER(struct, name, shape, flags): in the order of the interface, structs together.');
out.push(' */');
for (const [name, row] of [...shapes].sort((a, b) => (a[0] < b[0] ? -1 : 1)))
  out.push(`SHAPE(${name}, SHAPE_${row.kind}, ${least(row)}, ${most(row)}, ${quote(PATTERNS[name] || posix(row.pattern))}, ` +
    `${quote((row.values || []).join('|'))}, ${row.element ? `SHAPE_ID_${row.element}` : 'SHAPE_ID_NONE'})`);
out.push('');
for (const [name, rows] of [...structs].sort((a, b) => (a[0] < b[0] ? -1 : 1)))
  for (const row of rows) {
    const flags = [row.required ? 'MEMBER_REQUIRED' : null, row.sensitive ? 'MEMBER_SENSITIVE' : null].filter(Boolean).join(' | ') || '0';
    out.push(`MEMBER(${name}, ${row.member}, ${row.shape}, ${flags})`);
  }
process.stdout.write(out.join('\n') + '\n');
process.stderr.write(`${operations.length} operations, ${shapes.size} shapes\n`);
