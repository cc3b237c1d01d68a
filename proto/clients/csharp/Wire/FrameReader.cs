namespace Ringcast.Realtime.Wire
{
	/// <summary>A server's frames by RFC 6455, without extensions and therefore without reserved bits; never masked.</summary>
	internal static class FrameReader
	{
		public static FrameResult TryRead(byte[] bytes, int start, int count, out Frame frame, out int taken, out int closeCode)
		{
			frame = default(Frame);
			taken = 0;
			closeCode = CloseCode.Protocol;
			if (count < 2)
				return FrameResult.NeedMore;
			frame.Opcode = (FrameOpcode)(bytes[start] & 0x0f);
			frame.IsFinal = (bytes[start] & 0x80) != 0;
			if ((bytes[start] & 0x70) != 0 || (bytes[start + 1] & 0x80) != 0 || !IsKnown(frame.Opcode))
				return FrameResult.Broken;
			int shortLength = bytes[start + 1] & 0x7f;
			if (frame.IsControl && (!frame.IsFinal || shortLength > Limits.ControlBytes))
				return FrameResult.Broken;
			return TryLength(bytes, start, count, shortLength, ref frame, out taken, ref closeCode);
		}

		private static bool IsKnown(FrameOpcode opcode)
		{
			return opcode <= FrameOpcode.Binary || (opcode >= FrameOpcode.Close && opcode <= FrameOpcode.Pong);
		}

		private static FrameResult TryLength(byte[] bytes, int start, int count, int shortLength, ref Frame frame, out int taken, ref int closeCode)
		{
			int lengthBytes = shortLength == 127 ? 8 : shortLength == 126 ? 2 : 0;
			ulong length = lengthBytes == 0 ? (ulong)shortLength : 0;
			taken = 0;
			if (count < 2 + lengthBytes)
				return FrameResult.NeedMore;
			for (int i = 0; i < lengthBytes; i++)
				length = length << 8 | bytes[start + 2 + i];
			if ((lengthBytes == 2 && length < 126) || (lengthBytes == 8 && (length <= ushort.MaxValue || length > long.MaxValue)))
				return FrameResult.Broken;
			if (length > Limits.PacketBytes) {
				closeCode = CloseCode.Oversize;
				return FrameResult.Broken;
			}
			frame.PayloadStart = start + 2 + lengthBytes;
			frame.PayloadBytes = (int)length;
			if (count - 2 - lengthBytes < frame.PayloadBytes)
				return FrameResult.NeedMore;
			taken = 2 + lengthBytes + frame.PayloadBytes;
			return FrameResult.Whole;
		}
	}
}
