using System;

namespace Ringcast.Realtime.Wire
{
	/// <summary>Fragments to messages: keeps what has come of one, PacketBytes at most.</summary>
	internal sealed class Assembler
	{
		private byte[] message;
		private int messageBytes;
		private bool isUnderWay;

		/// <summary>
		/// A data frame. False: closeCode says what was wrong. isMessage: bytes, start and count are now a whole message.
		/// </summary>
		public bool TryTake(ref Frame frame, ref byte[] bytes, ref int start, ref int count, out bool isMessage, out int closeCode)
		{
			isMessage = false;
			closeCode = CloseCode.Protocol;
			if (isUnderWay != (frame.Opcode == FrameOpcode.Continuation))
				return false;
			if (frame.Opcode == FrameOpcode.Text) {
				string text;
				closeCode = frame.IsFinal && !Utf8.TryDecode(bytes, frame.PayloadStart, frame.PayloadBytes, out text) ? CloseCode.BadUtf8 : CloseCode.NotBinary;
				return false;
			}
			closeCode = CloseCode.Oversize;
			if (messageBytes + frame.PayloadBytes > Limits.PacketBytes)
				return false;
			isMessage = frame.IsFinal;
			if (isMessage && !isUnderWay)
				return true;
			Append(bytes, frame.PayloadStart, frame.PayloadBytes);
			isUnderWay = !isMessage;
			if (isMessage)
				Give(ref bytes, ref start, ref count);
			return true;
		}

		private void Append(byte[] bytes, int start, int count)
		{
			if (message == null)
				message = new byte[Limits.PacketBytes];
			Buffer.BlockCopy(bytes, start, message, messageBytes, count);
			messageBytes += count;
		}

		/// <summary>The array goes along, so that a callback that ends in here again finds nothing of it.</summary>
		private void Give(ref byte[] bytes, ref int start, ref int count)
		{
			bytes = message;
			start = 0;
			count = messageBytes;
			message = null;
			messageBytes = 0;
		}
	}
}
