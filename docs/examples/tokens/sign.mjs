// A player token, signed with Ed25519 and nothing but Node: sign.mjs KEY.jwk PLAYER SESSION
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [file, player, session] = process.argv.slice(2);
const jwk = JSON.parse(readFileSync(file, 'utf8'));
const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');

const claims = { sub: player, create: { name: session, players_max: 8 }, exp: Math.floor(Date.now() / 1000) + 60 };
const text = `${part({ alg: 'EdDSA', kid: jwk.kid })}.${part(claims)}`;
const signature = sign(null, Buffer.from(text), createPrivateKey({ key: jwk, format: 'jwk' }));
console.log(`${text}.${signature.toString('base64url')}`);
