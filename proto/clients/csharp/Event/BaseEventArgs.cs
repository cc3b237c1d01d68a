using System;

namespace Ringcast.Realtime.Event
{
	public abstract class BaseEventArgs : EventArgs
	{
		public int Sender { get; private set; }
		public int OpCode { get; private set; }
		/// <summary>The game's bytes; empty, never null, for a message without a payload.</summary>
		public byte[] Data { get; private set; }

		protected BaseEventArgs(int sender, int opCode, byte[] data)
		{
			Sender = sender;
			OpCode = opCode;
			Data = data;
		}
	}
}
