import type { Resuming } from './index.js';

/** For the option of that name: new RingcastClient({ resume: resume() }). */
export function resume(options?: {
	/** Bytes that were sent and are not known to be read; 65 536. Beyond, a call is refused with code 'full'. */
	keptBytesMax?: number;
}): Resuming;
