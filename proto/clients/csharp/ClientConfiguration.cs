using System;
using System.Net.Security;
using Ringcast.Realtime.Types;

namespace Ringcast.Realtime
{
	/// <summary>How a client connects, and how much it takes and keeps. A connection goes on with what was set when it began.</summary>
	public class ClientConfiguration
	{
		public ConnectionType ConnectionType { get; set; }

		/// <summary>From Connect to the login result.</summary>
		public int ConnectTimeoutMs { get; set; }
		/// <summary>How long the server may take to answer our close frame.</summary>
		public int CloseTimeoutMs { get; set; }
		/// <summary>Between our pings; 0: none. Three without an answer end the connection.</summary>
		public int PingIntervalMs { get; set; }
		/// <summary>Between two questions by UDP whether the server hears us; 0: none.</summary>
		public int FastKeepaliveMs { get; set; }
		/// <summary>Stay on the WebSocket.</summary>
		public bool IsFastOff { get; set; }
		/// <summary>Bytes that wait for the network at most; a message beyond is refused.</summary>
		public int SendQueueBytesMax { get; set; }
		/// <summary>A connection that breaks is made again, where the server has a window for it (limits.resume_window_ms): Dropped, then Resumed or ConnectionClose.</summary>
		public bool MayResume { get; set; }
		/// <summary>Messages to a group that this player is in do not come back to it, where the server can.</summary>
		public bool NoEcho { get; set; }
		/// <summary>With MayResume: bytes that were sent reliably and that the server is not known to have read; a message beyond is refused.</summary>
		public int KeptBytesMax { get; set; }
		/// <summary>Several fast messages share a datagram in both directions, where the server can (limits.merge_bytes): less work for both, and what is lost is lost together. What is sent
		/// fast waits for the end of the next Poll, or for Client.Flush.</summary>
		public bool MayMerge { get; set; }
		/// <summary>What one Poll reads of the WebSocket at most, so that a server that floods cannot hold a frame.</summary>
		public int ReceiveBytesPerPoll { get; set; }
		/// <summary>The same for datagrams.</summary>
		public int DatagramsPerPoll { get; set; }
		/// <summary>The name that the server's certificate must have; null: the endpoint.</summary>
		public string ServerName { get; set; }
		/// <summary>Judges the server's certificate in the platform's place, for a game that brings the CA of its servers along; null: the platform's trust. Called on whichever thread the platform likes.</summary>
		public RemoteCertificateValidationCallback CertificateCheck { get; set; }

		public ClientConfiguration()
		{
			ConnectionType = ConnectionType.RT_OVER_WS_UDP_UNSECURED;
			ConnectTimeoutMs = 10000;
			CloseTimeoutMs = 3000;
			PingIntervalMs = 5000;
			FastKeepaliveMs = 15000;
			SendQueueBytesMax = 256 * 1024;
			KeptBytesMax = 64 * 1024;
			ReceiveBytesPerPoll = 64 * 1024;
			DatagramsPerPoll = 256;
		}

		public static ClientConfiguration Default()
		{
			return new ClientConfiguration();
		}

		internal bool IsSecure
		{
			get { return ConnectionType == ConnectionType.RT_OVER_WSS_DTLS_TLS12; }
		}

		/// <summary>A copy that nobody changes; ArgumentOutOfRangeException for what makes no sense.</summary>
		internal ClientConfiguration Settle()
		{
			Demand(ConnectTimeoutMs, 1, "ConnectTimeoutMs");
			Demand(CloseTimeoutMs, 1, "CloseTimeoutMs");
			Demand(PingIntervalMs, 0, "PingIntervalMs");
			Demand(FastKeepaliveMs, 0, "FastKeepaliveMs");
			Demand(SendQueueBytesMax, 8192, "SendQueueBytesMax");
			Demand(KeptBytesMax, 8192, "KeptBytesMax");
			Demand(ReceiveBytesPerPoll, 1, "ReceiveBytesPerPoll");
			Demand(DatagramsPerPoll, 1, "DatagramsPerPoll");
			return (ClientConfiguration)MemberwiseClone();
		}

		private static void Demand(int value, int least, string name)
		{
			if (value < least)
				throw new ArgumentOutOfRangeException(name, "at least " + least);
		}
	}
}
