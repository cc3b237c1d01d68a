using System.Net.Sockets;

namespace Ringcast.Realtime.Link
{
	/// <summary>TCP in clear: a socket that does not block.</summary>
	internal sealed class PlainStream : ByteStream
	{
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
			int written = socket.Send(bytes, start, count, SocketFlags.None, out error);
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
