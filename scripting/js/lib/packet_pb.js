'use strict';
// Some Realtime scripts begin with require('../src/proto/Packet_pb'), a file of the service's own program, and use nothing of it.

class Packet {
	serializeBinary() { return new Uint8Array(0); }
	toObject() { return {}; }
	static deserializeBinary() { return new Packet(); }
}

module.exports = { Packet };
