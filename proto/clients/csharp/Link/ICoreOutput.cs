using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Link
{
	/// <summary>What the core wants done. Its calls come from inside the core's; the core may be used again from within.</summary>
	internal interface ICoreOutput
	{
		/// <summary>Queue on the stream, in order. False: no room, nothing queued. Control frames have some room of their own.</summary>
		bool SendStream(byte[] bytes, int start, int count, bool isControl);

		/// <summary>False: lost.</summary>
		bool SendDatagram(byte[] bytes, int count);

		/// <summary>A UDP socket towards this port of the server's. False: the core stays on the stream.</summary>
		bool OpenFast(int port);

		void Opened();
		void LoggedIn(int peerId);
		/// <summary>The server says no; its close frame will say why.</summary>
		void LoginRefused();
		void FastUp();
		void FastFailed(string reason);
		void MessageCame(ref Packet packet, bool isFast);
		void MembershipCame(ref Packet packet);
		/// <summary>The connection broke, or could not be made again; the player may come back on another one. This core is done, but for what it keeps.</summary>
		void Dropped(string reason);
		/// <summary>In the place of LoggedIn.</summary>
		void Resumed(long lost);
		/// <summary>The last call. isError: nobody wanted this.</summary>
		void Closed(int code, string reason, bool isError);
	}
}
