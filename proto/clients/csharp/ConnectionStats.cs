namespace Ringcast.Realtime
{
	/// <summary>What went over one channel since the connection began or ResetStats.</summary>
	public class ConnectionStats
	{
		public long MessagesSent { get; internal set; }
		public long MessagesReceived { get; internal set; }
		/// <summary>Of payloads.</summary>
		public long BytesSent { get; internal set; }
		public long BytesReceived { get; internal set; }
		/// <summary>Refused for lack of room, or the connection ended first.</summary>
		public long MessagesUnsent { get; internal set; }
		/// <summary>Not decoded, out of order, or not in place: dropped.</summary>
		public long PacketsDropped { get; internal set; }

		/// <summary>With a number that the server cannot have come to yet: dropped.</summary>
		public long PacketsLeapt { get; internal set; }
		/// <summary>Answers to pings of the server's for which the send queue had no room.</summary>
		public long PongsUnsent { get; internal set; }

		/// <summary>Sent, with several messages in each.</summary>
		public long DatagramsMerged { get; internal set; }

		internal void Sent(int bytes)
		{
			MessagesSent++;
			BytesSent += bytes;
		}

		internal void Received(int bytes)
		{
			MessagesReceived++;
			BytesReceived += bytes;
		}

		internal void Reset()
		{
			MessagesSent = MessagesReceived = BytesSent = BytesReceived = MessagesUnsent = PacketsDropped = PacketsLeapt = PongsUnsent = DatagramsMerged = 0;
		}
	}
}
