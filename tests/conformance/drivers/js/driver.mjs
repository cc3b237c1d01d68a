// The JavaScript client in Node behind the driver protocol of tests/conformance/README.md.
import { createInterface } from 'node:readline';
import { RingcastClient } from '../../../../proto/clients/js/src/node.js';
import { Commands } from './commands.js';

const say = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);
const commands = new Commands(RingcastClient, say);

say({ driver: 'js', can: ['names', 'frames', 'reset', 'resume'] });
for await (const line of createInterface({ input: process.stdin })) {
	const command = JSON.parse(line);
	commands.take(command);
	if (command.do === 'quit')
		break;
}
process.stdout.write('', () => process.exit(0));
