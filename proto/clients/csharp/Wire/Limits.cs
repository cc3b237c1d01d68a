namespace Ringcast.Realtime.Wire
{
	/// <summary>Bounds of the protocol, in bytes.</summary>
	internal static class Limits
	{
		public const int PayloadReliableBytes = 4096;
		public const int PayloadFastBytes = 1200;
		public const int TokenBytes = 8192; // those that a backend signs are long
		/// <summary>Any packet, its length included; so any WebSocket message.</summary>
		public const int PacketBytes = 16384;
		/// <summary>Everything of a message but its payload.</summary>
		public const int OverheadBytes = 96;
		public const int DatagramBytes = 2048;
		/// <summary>Of a datagram of several packets that we send.</summary>
		public const int MergedBytes = 1200;
		/// <summary>In a datagram, in both directions.</summary>
		public const int MergedPackets = 128;
		public const int FrameHeadBytes = 14;
		public const int ControlBytes = 125;
		public const int ResponseHeadBytes = 8192;
	}
}
