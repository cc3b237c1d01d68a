namespace Ringcast.Realtime.Wire
{
	internal enum FrameOpcode
	{
		Continuation = 0,
		Text = 1,
		Binary = 2,
		Close = 8,
		Ping = 9,
		Pong = 10
	}

	internal enum FrameResult
	{
		Whole,
		NeedMore,
		/// <summary>The other end broke the rules; the close code says which.</summary>
		Broken
	}

	/// <summary>A WebSocket frame that lies in somebody's buffer.</summary>
	internal struct Frame
	{
		public FrameOpcode Opcode;
		public bool IsFinal;
		public int PayloadStart;
		public int PayloadBytes;

		public bool IsControl
		{
			get { return Opcode >= FrameOpcode.Close; }
		}
	}
}
