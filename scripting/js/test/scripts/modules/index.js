'use strict';
const loop = require('./gameloop.js');
const dice = require('dice');
const deep = require('./lib/deep');
const data = require('./data.json');
const { Packet } = require('../src/proto/Packet_pb.js');

exports.ssExports = {
	init(session) {
		session.getLogger().info(loop.name, dice(), deep, data.speed, new Packet().toObject(), __dirname.endsWith('modules'), process.argv.slice(2));
	},
};
