using System;

namespace Ringcast.Realtime.Wire
{
	/// <summary>A client's frames: final, and masked in place.</summary>
	internal static class FrameWriter
	{
		/// <summary>
		/// The payload lies at FrameHeadBytes of the array; the head is put in front of it. Returns where the frame begins: it ends where the payload ends.
		/// </summary>
		public static int Write(FrameOpcode opcode, byte[] bytes, int payloadBytes, MaskSource masks)
		{
			int lengthBytes = payloadBytes > ushort.MaxValue ? 8 : payloadBytes > 125 ? 2 : 0;
			int at = Limits.FrameHeadBytes - 4 - lengthBytes - 2, start = at;
			bytes[at++] = (byte)(0x80 | (int)opcode);
			bytes[at++] = (byte)(0x80 | (lengthBytes == 8 ? 127 : lengthBytes == 2 ? 126 : payloadBytes));
			for (int i = lengthBytes - 1; i >= 0; i--)
				bytes[at++] = (byte)((ulong)payloadBytes >> (8 * i));
			masks.Take(bytes, at);
			for (int i = 0; i < payloadBytes; i++)
				bytes[Limits.FrameHeadBytes + i] ^= bytes[at + (i & 3)];
			return start;
		}
	}
}
