// What a message holds, as people read it: text where it is text, else bytes in hexadecimal.
const DECODER = new TextDecoder('utf-8', { fatal: true }), ENCODER = new TextEncoder();
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

function textOf(bytes) {
	try {
		const text = DECODER.decode(bytes);
		return CONTROLS.test(text) ? null : text;
	} catch {
		return null;
	}
}

export function hexOf(bytes) {
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

export function payloadText(bytes) {
	return textOf(bytes) ?? hexOf(bytes);
}

export function bytesOfBase64(text) {
	return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

// format: 'text' or 'hex'. Throws Error for what is not hexadecimal.
export function bytesOfInput(text, format) {
	if (format === 'text')
		return ENCODER.encode(text);
	const digits = text.replace(/[\s:]/g, '');
	if (!/^([0-9a-fA-F]{2})*$/.test(digits))
		throw new Error('The payload is no hexadecimal: two digits a byte.');
	return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
