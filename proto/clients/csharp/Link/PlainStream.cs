using System;
using System.Net.Sockets;

namespace Ringcast.Realtime.Link
{
	/// <summary>
	/// TCP in clear: a socket that does not block. Mono's Send goes on until all is sent, also where the socket does not block, so a peer that does not read
	/// would hold the game for ever: we ask before each piece, and what may be written at all has room for one.
	/// </summary>
	internal sealed class PlainStream : ByteStream
	{
		private const int PieceBytes = 2048;

		private readonly Socket socket;

		public PlainStream(Socket socket)
		{
			this.socket = socket;
		}

		public override bool IsReady()
		{
			return true;
		}

		public override int Read(byte[] bytes, int start, int count)
		{
			SocketError error;
			int read = socket.Receive(bytes, start, count, SocketFlags.None, out error);
			return Judge(read, error);
		}

		public override int Write(byte[] bytes, int start, int count)
		{
			SocketError error;
			if (!socket.Poll(0, SelectMode.SelectWrite))
				return WouldWait;
			int written = socket.Send(bytes, start, Math.Min(count, PieceBytes), SocketFlags.None, out error);
			return Judge(written, error);
		}

		private static int Judge(int count, SocketError error)
		{
			if (error == SocketError.Success)
				return count;
			if (error == SocketError.WouldBlock || error == SocketError.IOPending || error == SocketError.NoBufferSpaceAvailable)
				return WouldWait;
			throw new SocketException((int)error);
		}

		public override bool IsIdle()
		{
			return true;
		}

		public override void Dispose()
		{
			socket.Close();
		}
	}
}
